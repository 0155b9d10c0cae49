package io.apgms.ml.gateway.http;

import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.Labels;
import io.apgms.ml.gateway.decision.DecisionFlow;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.scoring.ScoringVerticle;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.BodyHandler;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The API listener; one instance an event loop, all on one port. */
public final class ApiVerticle extends VerticleBase {
  /** What the routes work with. */
  public record Parts(
      Settings.Http http,
      Settings.Scoring scoring,
      DecisionFlow.Parts flow,
      DevIssuer issuer,
      @Nullable Labels labels,
      AtomicInteger connections) {}

  private static final long DRAIN_SECONDS = 10;

  private final Parts parts;
  private @Nullable HttpServer server;
  private @Nullable DecisionFlow flow;

  public ApiVerticle(Parts parts) {
    this.parts = parts;
  }

  @Override
  public Future<?> start() throws Exception {
    if (parts.scoring().ownLoop()) {
      return listen(ScoringVerticle.ADDRESS);
    }
    // The model on the loop that parses and answers: no thread to wake on the way.
    ScoringVerticle beside =
        new ScoringVerticle(parts.flow().runtime(), parts.scoring().queueRows());
    return beside.deploy(context).compose(v -> listen(beside.address()));
  }

  private Future<?> listen(String scoringAddress) {
    flow = new DecisionFlow(vertx, context, scoringAddress, parts.flow());
    server =
        vertx
            .createHttpServer(options(parts.http().idleTimeoutMs()))
            .connectionHandler(
                connection -> {
                  // Bounded over all loops: a connection too many is closed before its request.
                  if (parts.connections().incrementAndGet() > parts.http().maxConnections()) {
                    var unused = connection.close();
                  }
                  connection.closeHandler(v -> parts.connections().decrementAndGet());
                })
            .requestHandler(router(vertx, parts, flow));
    return server.listen(parts.http().port(), parts.http().host());
  }

  /** The port that was bound. */
  public int port() {
    return server == null ? -1 : server.actualPort();
  }

  static Router router(Vertx vertx, Parts parts, DecisionFlow decisions) {
    Settings.Http http = parts.http();
    DecisionFlow.Parts shared = parts.flow();
    Router router = Router.router(vertx);
    BodyHandler body = BodyHandler.create(false).setBodyLimit(http.maxBodyBytes());
    router
        .post("/ml/score")
        .handler(body)
        .handler(
            new ScoreHandler(
                decisions,
                shared.runtime(),
                shared.meters(),
                parts.issuer(),
                http.defaultTimeoutMs()));
    ModelRoutes.mount(router, shared.runtime());
    DecisionLog log = shared.log();
    Labels labels = parts.labels();
    if (log != null && labels != null) {
      PredictionRoutes.mount(router, log, shared.runtime());
      FeedbackRoutes.mount(router, body, labels, parts.issuer());
    }
    OpenApiRoutes.mount(router, "api");
    router.route().failureHandler(ErrorTable::handle);
    for (int status : new int[] {400, 404, 405, 413, 414, 415}) {
      router.errorHandler(status, ErrorTable::handle);
    }
    router.errorHandler(405, OpenApiRoutes.methodNotAllowed(router));
    return router;
  }

  /** Options of both listeners: HTTP/1.1 only, no decompression, everything bounded. */
  public static HttpServerOptions options(int idleTimeoutMs) {
    return new HttpServerOptions()
        .setHttp2ClearTextEnabled(false)
        .setDecompressionSupported(false)
        .setMaxInitialLineLength(4_096)
        .setMaxHeaderSize(16_384)
        .setHandle100ContinueAutomatically(true)
        .setTcpNoDelay(true)
        .setIdleTimeout(idleTimeoutMs)
        .setIdleTimeoutUnit(TimeUnit.MILLISECONDS);
  }

  @Override
  public Future<?> stop() {
    Future<?> drained =
        server == null
            ? Future.succeededFuture()
            : server.shutdown(DRAIN_SECONDS, TimeUnit.SECONDS);
    return drained.eventually(
        () -> {
          if (flow != null) {
            flow.close();
          }
          return Future.succeededFuture();
        });
  }
}
