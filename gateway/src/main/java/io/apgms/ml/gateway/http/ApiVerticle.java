package io.apgms.ml.gateway.http;

import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.LabelFiles;
import io.apgms.ml.feedback.Labels;
import io.apgms.ml.gateway.decision.BatchFlow;
import io.apgms.ml.gateway.decision.DecisionFlow;
import io.apgms.ml.gateway.decision.LoopLimit;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.gateway.trace.Spans;
import io.apgms.ml.scoring.ScoringVerticle;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.BodyHandler;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The API listener; one instance an event loop, all on one port. */
public final class ApiVerticle extends VerticleBase {
  /** What the routes work with. */
  public record Parts(
      Settings.Http http,
      Settings.Scoring scoring,
      DecisionFlow.Parts flow,
      Guard guard,
      @Nullable Labels labels,
      @Nullable LabelFiles labelFiles,
      Door door,
      @Nullable Spans spans) {}

  private static final long DRAIN_SECONDS = 8; // with the parts after it: an end in under 25 s
  private static final int OF_DEADLINE = 4;

  private final Parts parts;
  private @Nullable HttpServer server;
  private @Nullable DecisionFlow flow;
  private @Nullable BatchFlow batches;

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
    LoopLimit limit = new LoopLimit(task -> context.runOnContext(v -> task.run()), boundMs());
    Turnstile turnstile = new Turnstile(limit, parts.flow().meters(), parts.http());
    flow = new DecisionFlow(vertx, context, scoringAddress, parts.flow(), limit);
    batches = new BatchFlow(vertx, scoringAddress, parts.flow());
    server =
        parts
            .door()
            .server(vertx, router(vertx, parts, flow, batches, turnstile), turnstile::connection);
    return server.listen(parts.http().port(), parts.http().host());
  }

  /** Where the model has a loop of its own, a wait for it is not a wait of ours. */
  private int boundMs() {
    int turnMs = parts.http().turnMs();
    return turnMs > 0 && parts.scoring().ownLoop()
        ? Math.max(turnMs, parts.http().defaultTimeoutMs() / OF_DEADLINE)
        : turnMs;
  }

  /** The port that was bound. */
  public int port() {
    return server == null ? -1 : server.actualPort();
  }

  static Router router(
      Vertx vertx, Parts parts, DecisionFlow decisions, BatchFlow many, Turnstile turnstile) {
    Settings.Http http = parts.http();
    Guard guard = parts.guard();
    DecisionFlow.Parts shared = parts.flow();
    Router router = Router.router(vertx);
    TraceDoor.mount(router, parts.spans());
    BodyHandler body = BodyHandler.create(false).setBodyLimit(http.maxBodyBytes());
    router
        .post("/ml/score")
        .handler(guard.only(Roles.SCORER))
        .handler(turnstile.hold(http.maxBodyBytes()))
        .handler(body)
        .handler(turnstile::pass)
        .handler(
            new ScoreHandler(
                decisions,
                shared,
                shared.meters().inputs().onLoop(vertx.getOrCreateContext()),
                http.defaultTimeoutMs()));
    ModelRoutes.mount(router, guard, shared.runtime());
    new InferRoutes(many, shared, http.defaultTimeoutMs())
        .mount(router, guard, turnstile, http.maxBatchBytes());
    DecisionLog log = shared.log();
    Labels labels = parts.labels();
    LabelFiles files = parts.labelFiles();
    if (log != null && labels != null && files != null) {
      PredictionRoutes.mount(router, guard, log, shared.runtime());
      FeedbackRoutes.mount(
          router,
          guard,
          body,
          labels,
          new BackfillRoute(files, http.maxBodyBytes()),
          new ExportRoute(files, shared.runtime()));
    }
    OpenApiRoutes.mount(router, "api");
    router.route().failureHandler(ErrorTable::handle);
    for (int status : new int[] {400, 404, 405, 413, 414, 415}) {
      router.errorHandler(status, ErrorTable::handle);
    }
    router.errorHandler(405, OpenApiRoutes.methodNotAllowed(router));
    return router;
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
          if (batches != null) {
            batches.close();
          }
          return Future.succeededFuture();
        });
  }
}
