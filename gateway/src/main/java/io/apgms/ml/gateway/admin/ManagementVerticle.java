package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.Actions;
import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.Redactions;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.gateway.audit.AuditProofs;
import io.apgms.ml.gateway.audit.HeadFiles;
import io.apgms.ml.gateway.http.Door;
import io.apgms.ml.gateway.http.Drain;
import io.apgms.ml.gateway.http.ErrorTable;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.LabelDigest;
import io.apgms.ml.gateway.http.OpenApiRoutes;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.scoring.ScoringRuntime;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.BodyHandler;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The management listener: metrics, health and the operators' routes. */
public final class ManagementVerticle extends VerticleBase {
  private static final int MAX_BODY = 65_536;

  /** What the routes work with. */
  public record Parts(
      Settings.Management management,
      Door door,
      Drain drain,
      RegistryDatabase registry,
      ScoringRuntime runtime,
      DecisionModes modes,
      Guard guard,
      ControlVerticle control,
      BudgetVerticle budgets,
      @Nullable DriftVerticle drift,
      @Nullable DecisionLog log,
      @Nullable Redactions redactions,
      @Nullable Actions actions,
      HeadFiles heads,
      Approvals approvals,
      @Nullable Retraining retraining,
      PrometheusMeterRegistry meters) {}

  /** Where candidates lie, and how long an approval counts. */
  public record Approvals(Candidates candidates, Duration validity) {}

  /** What a retraining is asked for with, and how long drift must have lasted before. */
  public record Retraining(LabelDigest labels, Duration driftAfter) {}

  private static final long DRILLS_MS = 5_000;

  private final Parts parts;
  private @Nullable HttpServer server;

  public ManagementVerticle(Parts parts) {
    this.parts = parts;
  }

  @Override
  public Future<?> start() {
    DrillMeters drills =
        new DrillMeters(parts.registry().drills()::all, parts.runtime(), parts.meters());
    drills.read();
    vertx.setPeriodic(DRILLS_MS, id -> drills.read());
    server = parts.door().server(vertx, router(vertx, parts));
    return server.listen(parts.management().port(), parts.management().host());
  }

  static Router router(Vertx vertx, Parts parts) {
    Router router = Router.router(vertx);
    BodyHandler body = BodyHandler.create(false).setBodyLimit(MAX_BODY);
    ControlMeters gauges =
        new ControlMeters(
            parts.meters(), parts.control(), parts.budgets(), parts.modes(), parts.runtime());
    DriftVerticle drift = parts.drift();
    DriftMeters drifts =
        drift == null ? null : new DriftMeters(parts.meters(), drift, parts.runtime());
    // A scrape builds megabytes of text in the worst case: off the loop.
    router
        .get("/metrics")
        .handler(
            rc ->
                vertx
                    .executeBlocking(
                        () -> {
                          gauges.refresh(System.nanoTime());
                          if (drifts != null) {
                            drifts.refresh();
                          }
                          return parts.meters().scrape();
                        },
                        false)
                    .onFailure(rc::fail)
                    .onSuccess(
                        text ->
                            rc.response()
                                .putHeader("Content-Type", "text/plain; version=0.0.4")
                                .end(text)));
    new Health(vertx, parts.runtime(), parts.control(), parts.drain()).mount(router);
    Guard guard = parts.guard();
    Rollouts rollouts = new Rollouts(vertx, parts.registry(), parts.control(), parts.meters());
    Candidates candidates = parts.approvals().candidates();
    Promoter promoter = new Promoter(vertx, parts.registry(), candidates, rollouts);
    new AdminRoutes(parts.registry(), rollouts, promoter, parts.control(), parts.log())
        .mount(router, guard, body);
    new TicketRoutes(vertx, parts.registry(), candidates, parts.approvals().validity())
        .mount(router, guard, body);
    AuditLog audit = parts.registry().audit();
    AuditProofs proofs = new AuditProofs(vertx, audit, parts.log(), parts.heads());
    new AuditRoutes(audit, parts.heads(), proofs).mount(router, guard);
    if (parts.log() != null) {
      TrialStarter starter =
          new TrialStarter(vertx, parts.registry(), candidates, parts.runtime(), parts.control());
      new TrialRoutes(parts.registry(), starter, parts.control()).mount(router, guard, body);
      new HoldRoutes(audit).mount(router, guard, body);
      new ReplicaRoutes(audit).mount(router, guard, body);
    }
    Retraining retraining = parts.retraining();
    if (retraining != null) {
      RetrainingRequests requests =
          new RetrainingRequests(parts.registry().retrainings(), retraining.labels());
      new AlertRoutes(parts.registry(), requests, retraining.driftAfter()).mount(router, guard);
      new RetrainingRoutes(parts.registry(), requests).mount(router, guard, body);
    }

    if (drift != null) {
      new DriftRoutes(drift, parts.runtime()).mount(router, guard);
    }
    if (parts.redactions() != null) {
      new RedactionRoutes(audit, parts.redactions()).mount(router, guard, body);
    }
    new ModeRoutes(parts.registry(), parts.control(), parts.modes(), parts.runtime())
        .mount(router, guard, body);
    new ActionRoutes(audit, parts.actions()).mount(router, guard, body);
    OpenApiRoutes.mount(router, "management");
    router.route().failureHandler(ErrorTable::handle);
    for (int status : new int[] {400, 404, 405, 413, 414, 415}) {
      router.errorHandler(status, ErrorTable::handle);
    }
    router.errorHandler(405, OpenApiRoutes.methodNotAllowed(router));
    return router;
  }

  /** The port that was bound. */
  public int port() {
    return server == null ? -1 : server.actualPort();
  }

  @Override
  public Future<?> stop() {
    return server == null ? Future.succeededFuture() : server.shutdown(1, TimeUnit.SECONDS);
  }
}
