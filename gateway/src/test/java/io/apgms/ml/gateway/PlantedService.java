package io.apgms.ml.gateway;

import io.apgms.ml.feedback.FeedbackOptions;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.gateway.admin.BiasWatch;
import io.apgms.ml.gateway.admin.BudgetVerticle;
import io.apgms.ml.gateway.admin.Candidates;
import io.apgms.ml.gateway.admin.ControlVerticle;
import io.apgms.ml.gateway.admin.DriftVerticle;
import io.apgms.ml.gateway.admin.ManagementVerticle;
import io.apgms.ml.gateway.audit.HeadFiles;
import io.apgms.ml.gateway.audit.HeadKey;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.gateway.decision.ActionCap;
import io.apgms.ml.gateway.decision.DecisionFlow;
import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.gateway.decision.TrialBoard;
import io.apgms.ml.gateway.http.ApiVerticle;
import io.apgms.ml.gateway.http.Caller;
import io.apgms.ml.gateway.http.Door;
import io.apgms.ml.gateway.http.Drain;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.LabelDigest;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.gateway.http.SubjectLimits;
import io.apgms.ml.gateway.http.TokenVerifier;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.Pool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Both listeners with every fault that answers are documented for: the database is away, the spool
 * is full, a scrape fails when told to, the model does not answer when told to. A token's text says
 * what becomes of it: {@code bad…} is refused, {@code fail…} breaks the verifier, {@code nobody…}
 * has no role, any other has all; each is a subject of its own, with one request a second.
 */
final class PlantedService implements AutoCloseable {
  static final String MODEL = "risk-score";
  private static final String NO_DATABASE = "postgresql://nobody:none@127.0.0.1:1/none";

  /** Thrown on purpose some dozens of times: without a stack trace to log. */
  private static final class Planted extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Planted() {
      super("planted", null, false, false);
    }
  }

  /** Fails to be scraped while told to. */
  private static final class Meters extends PrometheusMeterRegistry {
    volatile boolean failing;

    Meters() {
      super(PrometheusConfig.DEFAULT);
    }

    @Override
    public String scrape() {
      if (failing) {
        throw new Planted();
      }
      return super.scrape();
    }
  }

  private final Vertx vertx = Vertx.vertx();
  private final Meters meters = new Meters();
  private final ScoringRuntime runtime = new ScoringRuntime(8, meters);
  private final ArtifactStore store;
  private final ApiVerticle.Parts api;
  private final ManagementVerticle.Parts management;
  private ApiVerticle apiListener;
  private ManagementVerticle managementListener;
  private String scoring;

  private PlantedService(Path dir) {
    Settings settings =
        Settings.read(
            RunningService.HOME,
            Map.of(
                "ML_DATA_DIR", dir.toString(),
                "ML_DATABASE_URL", NO_DATABASE,
                "ML_SCORING_OWN_LOOP", "true",
                "ML_HTTP_PORT", "0",
                "ML_MANAGEMENT_PORT", "0"));
    DatabaseAddress away = DatabaseAddress.parse(NO_DATABASE);
    Pool pool = Database.pool(vertx, away, "away", 2, 200);
    RegistryDatabase registry = new RegistryDatabase(pool, Duration.ofMillis(200));
    this.store = Artifacts.store(settings);
    DecisionModes modes = new DecisionModes(null);
    FeedbackVerticle feedback = feedback(dir, away, pool);
    deploy(feedback);
    ControlVerticle control =
        new ControlVerticle(
            new ControlVerticle.Parts(
                registry,
                store,
                runtime,
                modes,
                settings.registry().pins(),
                dir,
                "planted",
                null,
                null,
                null));
    Guard.Parts doors = new Guard.Parts(PlantedService::caller, new SubjectLimits(1), meters);
    DecisionMeters decisions = new DecisionMeters(meters);
    this.management =
        new ManagementVerticle.Parts(
            settings.management(),
            new Door(settings.http(), settings.limits(), null, new Drain()),
            new Drain(),
            registry,
            runtime,
            modes,
            Guard.management(doors, (caller, route) -> {}),
            control,
            new BudgetVerticle(registry.errorBudgets(), decisions),
            new DriftVerticle(
                feedback,
                decisions.inputs(),
                new BiasWatch(store, Policy.read(settings.registry().policy()).bias())),
            feedback.log(),
            feedback.redactions(),
            feedback.actions(),
            heads(dir),
            new ManagementVerticle.Approvals(
                new Candidates(
                    Artifacts.candidates(settings),
                    settings.registry().dir(),
                    folder -> Artifacts.store(settings, folder),
                    () -> Policy.read(settings.registry().policy())),
                Duration.ofDays(1)),
            new ManagementVerticle.Retraining(
                new LabelDigest(vertx, feedback.labelFiles(), runtime), Duration.ofHours(2)),
            meters);
    this.api =
        new ApiVerticle.Parts(
            settings.http(),
            settings.scoring(),
            new DecisionFlow.Parts(
                runtime,
                modes,
                feedback.log(),
                new ActionCap(600, ActionCap.Watch.NONE),
                new TrialBoard(),
                decisions),
            Guard.api(doors, false),
            feedback.labels(),
            feedback.labelFiles(),
            new Door(settings.http(), settings.limits(), null, new Drain()),
            null);
  }

  private static HeadFiles heads(Path dir) {
    try {
      return HeadFiles.open(dir.resolve("heads"), HeadKey.open(dir));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private FeedbackVerticle feedback(Path dir, DatabaseAddress away, Pool pool) {
    return new FeedbackVerticle(
        new FeedbackOptions(
            "planted",
            dir.resolve("spool"),
            1, // full with the first decision
            dir.resolve("redaction"),
            away.jdbcUrl(),
            away.user(),
            away.password(),
            pool,
            Database.connectOptions(away, 200),
            200,
            meters));
  }

  /** Without listeners: what their routers are made of. */
  static PlantedService parts(Path dir) {
    return new PlantedService(dir);
  }

  /** Both listeners, serving one model. */
  static PlantedService start(Path dir) {
    PlantedService service = new PlantedService(dir);
    List<String> versions = service.store.versions(MODEL);
    String version = versions.get(versions.size() - 1);
    service.runtime.prepare(service.store.load(MODEL, version));
    service.runtime.activate(MODEL, version);
    service.deploy(service.management.control());
    service.apiListener = new ApiVerticle(service.api);
    service.managementListener = new ManagementVerticle(service.management);
    service.scoring(true);
    service.deploy(service.apiListener);
    service.deploy(service.managementListener);
    return service;
  }

  private static Future<Caller> caller(String token) {
    if (token.startsWith("bad")) {
      return Future.failedFuture(TokenVerifier.refused());
    }
    if (token.startsWith("fail")) {
      return Future.failedFuture(new Planted());
    }
    Set<String> roles = token.startsWith("nobody") ? Set.of() : Set.copyOf(Roles.ALL);
    return Future.succeededFuture(new Caller(token, null, roles));
  }

  /** Whether anyone answers what is to be scored. */
  void scoring(boolean answers) {
    if (answers && scoring == null) {
      scoring = deploy(new ScoringVerticle(runtime, 64));
    } else if (!answers && scoring != null) {
      await(vertx.undeploy(scoring));
      scoring = null;
    }
  }

  void failScrapes(boolean failing) {
    meters.failing = failing;
  }

  ApiVerticle.Parts api() {
    return api;
  }

  ManagementVerticle.Parts management() {
    return management;
  }

  Vertx vertx() {
    return vertx;
  }

  int apiPort() {
    return apiListener.port();
  }

  int managementPort() {
    return managementListener.port();
  }

  private String deploy(Deployable part) {
    return await(vertx.deployVerticle(part));
  }

  static <T> T await(Future<T> future) {
    return future.toCompletionStage().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
  }

  @Override
  public void close() {
    await(vertx.close());
  }
}
