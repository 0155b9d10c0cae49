package io.apgms.ml.gateway.http;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.regex.Pattern;

/** What handlers of both listeners read from a request's body. */
public final class Bodies {
  private static final Pattern JSON =
      Pattern.compile("application/json[ \\t]*(;|$)", Pattern.CASE_INSENSITIVE);

  private Bodies() {}

  /** The body, empty where there is none. */
  public static byte[] bytes(RoutingContext rc) {
    Buffer body = rc.body().buffer();
    return body == null ? new byte[0] : body.getBytes();
  }

  /** What an idempotency key or a requestId stands for. */
  static byte[] sha256(byte[] body) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(body);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Takes {@code application/json} and a missing type; refuses others with 415. */
  public static void requireJson(RoutingContext rc) {
    String type = rc.request().getHeader(HttpHeaders.CONTENT_TYPE);
    if (type != null && !JSON.matcher(type).lookingAt()) {
      throw Problem.of(415, "media type " + FieldError.quote(type) + ", expected application/json");
    }
  }

  /** A strict JSON object of typed fields. */
  public static Fields fields(RoutingContext rc) {
    requireJson(rc);
    return new Fields(StrictJson.object(bytes(rc)));
  }
}
