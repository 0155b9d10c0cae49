package io.apgms.ml.gateway.http;

import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Handler;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;

/** What a request must be before it is routed; the same for both listeners. */
public final class FrontDoor implements Handler<HttpServerRequest> {
  private final Handler<HttpServerRequest> router;

  public FrontDoor(Handler<HttpServerRequest> router) {
    this.router = router;
  }

  /** Refuses what has no single well-formed Host (RFC 9112, section 3.2). */
  @Override
  public void handle(HttpServerRequest request) {
    int hosts = request.headers().getAll(HttpHeaders.HOST).size();
    boolean may = hosts == 0 && request.version() == HttpVersion.HTTP_1_0;
    if (!may && (hosts != 1 || request.authority() == null)) {
      close(request, Problem.of(400, hosts + " Host headers, expected one that names host[:port]"));
      return;
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
    close(request, ErrorTable.http(status));
  }

  private static void close(HttpServerRequest request, Problem problem) {
    request.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
    ErrorTable.send(request.response(), problem);
    var unused = request.connection().close();
  }
}
