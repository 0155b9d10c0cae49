package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.settings.Settings;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The outside of a listener: TLS, the bounds of either version of HTTP, how long a client may take.
 * One a listener, shared by its event loops; how many connections it holds is {@link
 * BoundedAccept}'s.
 */
public final class Door {
  private static final int STREAMS = 100;
  private static final int HTTP2_HEADERS = 8_192;
  private static final int SEND_BUFFER = 262_144; // the kernel would take megabytes a connection
  private static final int RESETS = 200;
  private static final int RESETS_SECONDS = 30;

  private final Settings.Limits limits;
  private final int idleTimeoutMs;
  private final @Nullable Tls tls;
  private final Drain drain;

  /**
   * @param tls null for plain HTTP
   */
  public Door(Settings.Http http, Settings.Limits limits, @Nullable Tls tls, Drain drain) {
    this.drain = drain;
    this.limits = limits;
    this.idleTimeoutMs = http.idleTimeoutMs();
    this.tls = tls;
  }

  /** A server for the calling event loop, to be given a port. */
  public HttpServer server(Vertx vertx, Handler<HttpServerRequest> handler) {
    return server(vertx, handler, connection -> {});
  }

  /**
   * The same.
   *
   * @param admitted told of each connection that may stay
   */
  HttpServer server(
      Vertx vertx, Handler<HttpServerRequest> handler, Consumer<HttpConnection> admitted) {
    HttpServerOptions options = options();
    HttpServer server = vertx.createHttpServer(tls == null ? options : tls.apply(options));
    SlowClients slow = new SlowClients(vertx, limits);
    server
        .connectionHandler(
            connection -> {
              slow.connection(connection);
              admitted.accept(connection);
            })
        .invalidRequestHandler(FrontDoor::unreadable)
        .requestHandler(new FrontDoor(tls == null ? handler : watched(slow, handler), drain));
    if (tls != null) {
      tls.follow(server);
    }
    return server;
  }

  private static Handler<HttpServerRequest> watched(
      SlowClients slow, Handler<HttpServerRequest> handler) {
    return request -> {
      if (slow.request(request)) {
        handler.handle(request);
      }
    };
  }

  /** No cleartext HTTP/2, no decompression, everything bounded. */
  private HttpServerOptions options() {
    return new HttpServerOptions()
        .setHttp2ClearTextEnabled(false)
        .setInitialSettings(
            new Http2Settings()
                .setMaxConcurrentStreams(STREAMS)
                .setMaxHeaderListSize(HTTP2_HEADERS))
        .setHttp2RstFloodMaxRstFramePerWindow(RESETS)
        .setHttp2RstFloodWindowDuration(RESETS_SECONDS)
        .setHttp2RstFloodWindowDurationTimeUnit(TimeUnit.SECONDS)
        .setDecompressionSupported(false)
        .setMaxInitialLineLength(4_096)
        .setMaxHeaderSize(16_384)
        .setHandle100ContinueAutomatically(true)
        // no WebSockets here, and this one's handler throws at the 129th pipelined request
        .setPerFrameWebSocketCompressionSupported(false)
        .setPerMessageWebSocketCompressionSupported(false)
        .setTcpNoDelay(true)
        .setSendBufferSize(SEND_BUFFER)
        .setIdleTimeout(idleTimeoutMs)
        .setIdleTimeoutUnit(TimeUnit.MILLISECONDS);
  }
}
