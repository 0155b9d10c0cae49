package io.apgms.ml.gateway.http;

import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Handler;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import java.util.List;

/** What a request must be before it is routed; the same for both listeners. */
public final class FrontDoor implements Handler<HttpServerRequest> {
  private final Handler<HttpServerRequest> router;

  private final Drain drain;

  public FrontDoor(Handler<HttpServerRequest> router, Drain drain) {
    this.router = router;
    this.drain = drain;
  }

  /**
   * Refuses what has no single well-formed Host (RFC 9112, section 3.2), another transfer coding
   * than one chunked (section 6.1), and a header without a name.
   */
  @Override
  public void handle(HttpServerRequest request) {
    MultiMap headers = request.headers();
    int hosts = headers.getAll(HttpHeaders.HOST).size();
    boolean may = hosts == 0 && request.version() == HttpVersion.HTTP_1_0;
    boolean http2 = request.version() == HttpVersion.HTTP_2; // names it in :authority
    if (http2 ? request.authority() == null : !may && (hosts != 1 || request.authority() == null)) {
      ErrorTable.refuse(
          request, Problem.of(400, hosts + " Host headers, expected one that names host[:port]"));
      return;
    }
    if (headers.contains(HttpHeaders.TRANSFER_ENCODING)) {
      List<String> codings = headers.getAll(HttpHeaders.TRANSFER_ENCODING);
      if (codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
        ErrorTable.refuse(
            request, Problem.of(400, "a transfer coding that is not known, expected chunked once"));
        return;
      }
    }
    if (headers.contains("")) {
      ErrorTable.refuse(request, Problem.of(400, "a header without a name, expected RFC 9110"));
      return;
    }
    if (drain.begun() && !http2) {
      request.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
    }
    router.handle(request);
  }

  /** Answers what the codec could not read; nothing after it on the connection is looked at. */
  public static void unreadable(HttpServerRequest request) {
    Throwable why = request.decoderResult().cause();
    int status =
        why instanceof TooLongHttpLineException
            ? 414
            : why instanceof TooLongHttpHeaderException ? 431 : 400;
    ErrorTable.refuse(request, ErrorTable.http(status));
  }
}
