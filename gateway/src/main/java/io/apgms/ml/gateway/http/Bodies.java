package io.apgms.ml.gateway.http;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What handlers of both listeners read from a request's body. */
public final class Bodies {
  private static final int MAX_KEY = 255;
  private static final int MAX_MEDIA_TYPE = 256; // what the expressions below are tried on
  private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  private static final String QUOTED = "\"[\\t !#-\\[\\]-~]*\"";
  private static final Pattern JSON =
      Pattern.compile(
          "application/json(?:[ \\t]*;[ \\t]*"
              + TOKEN
              + "=(?:"
              + TOKEN
              + "|"
              + QUOTED
              + "))*[ \\t]*",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern CHARSET =
      Pattern.compile(";[ \\t]*charset=\"?([^;\" \\t]*)", Pattern.CASE_INSENSITIVE);

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

  /**
   * Takes {@code application/json}, with parameters of which a charset must be UTF-8, and a missing
   * type, as many clients send none. Refuses other types, and any content coding, with 415.
   */
  public static void requireJson(RoutingContext rc) {
    List<String> types = rc.request().headers().getAll(HttpHeaders.CONTENT_TYPE);
    if (types.size() > 1 || (types.size() == 1 && !isJson(types.get(0)))) {
      throw Problem.of(
          415,
          "media type "
              + FieldError.quote(String.join(", ", types))
              + ", expected application/json in UTF-8");
    }
    requireIdentity(rc);
  }

  /** Refuses a content coding such as gzip with 415. */
  public static void requireIdentity(RoutingContext rc) {
    if (!rc.request().headers().contains(HttpHeaders.CONTENT_ENCODING)) {
      return;
    }
    for (String coding : rc.request().headers().getAll(HttpHeaders.CONTENT_ENCODING)) {
      if (!coding.equalsIgnoreCase("identity")) {
        throw Problem.of(
            415, "content coding " + FieldError.quote(coding) + ", expected none (identity)");
      }
    }
  }

  /** Whether a media type (RFC 9110, section 8.3.1) is JSON in UTF-8. */
  static boolean isJson(String type) {
    if (type.equals("application/json")) {
      return true;
    }
    if (type.length() > MAX_MEDIA_TYPE || !JSON.matcher(type).matches()) {
      return false;
    }
    Matcher charset = CHARSET.matcher(type);
    while (charset.find()) {
      if (!charset.group(1).equalsIgnoreCase("utf-8")) {
        return false;
      }
    }
    return true;
  }

  /** The key of a request that may be sent again, or null; refuses a wrong length with 400. */
  public static @Nullable String idempotencyKey(RoutingContext rc) {
    String key = rc.request().getHeader("Idempotency-Key");
    if (key != null && (key.isBlank() || key.length() > MAX_KEY)) {
      throw Problem.field(
          400, "Idempotency-Key", key.length() + " characters, expected 1 to " + MAX_KEY);
    }
    return key;
  }

  /** A strict JSON object of typed fields. */
  public static Fields fields(RoutingContext rc) {
    requireJson(rc);
    return new Fields(StrictJson.object(bytes(rc)));
  }
}
