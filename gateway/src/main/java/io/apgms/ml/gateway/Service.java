package io.apgms.ml.gateway;

import io.apgms.ml.feedback.ActionOptions;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.feedback.SendTracing;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.gateway.admin.BiasWatch;
import io.apgms.ml.gateway.admin.BudgetVerticle;
import io.apgms.ml.gateway.admin.CapAudit;
import io.apgms.ml.gateway.admin.ControlVerticle;
import io.apgms.ml.gateway.admin.DriftVerticle;
import io.apgms.ml.gateway.admin.ManagementVerticle;
import io.apgms.ml.gateway.admin.RefusalAudit;
import io.apgms.ml.gateway.audit.AuditVerticle;
import io.apgms.ml.gateway.audit.HeadFiles;
import io.apgms.ml.gateway.audit.HeadKey;
import io.apgms.ml.gateway.audit.RetentionVerticle;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.gateway.database.EmbeddedDatabase;
import io.apgms.ml.gateway.decision.ActionCap;
import io.apgms.ml.gateway.decision.DecisionFlow;
import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.gateway.decision.SendLease;
import io.apgms.ml.gateway.decision.ShadowScoring;
import io.apgms.ml.gateway.decision.TrialBoard;
import io.apgms.ml.gateway.http.ApiVerticle;
import io.apgms.ml.gateway.http.BoundedAccept;
import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Door;
import io.apgms.ml.gateway.http.Drain;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.LabelDigest;
import io.apgms.ml.gateway.http.OidcIssuer;
import io.apgms.ml.gateway.http.SubjectLimits;
import io.apgms.ml.gateway.http.Tls;
import io.apgms.ml.gateway.http.TokenVerifier;
import io.apgms.ml.gateway.settings.ClusterSettings;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.gateway.trace.Tracing;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.registry.signature.TrustFile;
import io.apgms.ml.registry.signature.VerifyingKey;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.TorchModel;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Deployable;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.ThreadingModel;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.Pool;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The running service: every part made, wired and started in order, closed in reverse. */
public final class Service implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Service.class);
  private static final Duration STEP_BOUND = Duration.ofSeconds(60);

  private final Settings settings;
  private final PrometheusMeterRegistry meters;
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final Drain drain = new Drain();
  private int apiPort = -1;
  private int managementPort = -1;

  private Service(Settings settings, PrometheusMeterRegistry meters) {
    this.settings = settings;
    this.meters = meters;
  }

  /** Starts everything; blocking, and all or nothing. */
  public static Service start(Settings settings) throws Exception {
    return start(settings, Metrics.registry());
  }

  /** The same, counting into that registry. */
  static Service start(Settings settings, PrometheusMeterRegistry meters) throws Exception {
    Service service = new Service(settings, meters);
    try {
      service.open();
      return service;
    } catch (Exception e) {
      service.close();
      throw e;
    }
  }

  /** The port of the API listener. */
  public int apiPort() {
    return apiPort;
  }

  /** The port of the management listener. */
  public int managementPort() {
    return managementPort;
  }

  /** What is pushed first is closed last. */
  private void open() throws Exception {
    DataDir data = push(DataDir.take(settings.data().dir()));
    ClusterSettings roles = settings.cluster();
    Tracing tracing = push(Tracing.open(settings.tracing().variables(), data.replicaId(), meters));
    // libtorch and PostgreSQL each take about a second: at the same time.
    CompletableFuture<Void> engine =
        roles.scoring()
            ? CompletableFuture.runAsync(TorchModel::loadEngine)
            : CompletableFuture.completedFuture(null);
    DatabaseAddress address = database(data);
    Pooled pooled =
        Pooled.start(
            settings, meters, new BoundedAccept(settings.http(), settings.limits(), meters));
    Vertx vertx = pooled.vertx();
    push(() -> await(vertx.close()));
    Settings.Tls files = settings.tls();
    Tls tls = files == null ? null : push(Tls.open(vertx, files.cert(), files.key(), meters));
    int timeoutMs = settings.database().timeoutMs();
    Pool pool =
        Database.pool(vertx, address, "ml-service", settings.database().poolSize(), timeoutMs);
    RegistryDatabase registry = new RegistryDatabase(pool, Duration.ofMillis(timeoutMs));
    TrustFile trust = Artifacts.trust(settings);
    warnOfDevelopmentKey(trust);
    ArtifactStore store = Artifacts.store(settings);
    Policy policy = Policy.read(settings.registry().policy());
    migrate(new Bootstrap(vertx, address, store, policy));

    String pin = settings.decision().mode();
    DecisionModes modes = new DecisionModes(pin == null ? null : DecisionMode.of(pin));
    push(FlagSources.start(settings, modes));
    boolean logs = settings.data().log() && (roles.edge() || roles.data());
    FeedbackVerticle feedback =
        logs ? DecisionStore.open(settings, data, address, pool, meters) : null;
    if (feedback != null) {
      deploy(vertx, () -> feedback, 1);
    }
    engine.get(STEP_BOUND.toSeconds(), TimeUnit.SECONDS);
    ScoringRuntime runtime = pooled.runtime();
    for (Pooled.Part part : pooled.parts()) {
      deploy(vertx, part.verticle(), part.instances());
    }
    TrialBoard trials = new TrialBoard();
    ControlVerticle.Trialling trialling =
        feedback == null || !roles.scoring()
            ? null
            : new ControlVerticle.Trialling(
                Artifacts.toPromote(settings),
                trials,
                push(new ShadowScoring(feedback.trialPairs(), meters).start()));
    ControlVerticle control =
        new ControlVerticle(
            new ControlVerticle.Parts(
                registry,
                store,
                runtime,
                modes,
                settings.registry().pins(),
                data.path(),
                data.replicaId(),
                files == null ? null : files.cert(),
                Database.connectOptions(address, timeoutMs),
                trialling));
    deploy(vertx, () -> control, 1);
    DecisionMeters decisions = new DecisionMeters(meters);
    BudgetVerticle budgets = new BudgetVerticle(registry.errorBudgets(), decisions);
    deploy(vertx, () -> budgets, 1);
    BiasWatch bias = new BiasWatch(store, policy.bias());
    DriftVerticle drift =
        feedback == null ? null : new DriftVerticle(feedback, decisions.inputs(), bias);
    if (drift != null) {
      deploy(vertx, () -> drift, 1);
    }

    HeadFiles heads = HeadFiles.open(settings.audit().headDir(), HeadKey.open(data.path()));
    if (roles.data()) {
      audit(vertx, registry, heads, feedback != null);
    }
    if (feedback != null && roles.data()) {
      deploy(vertx, () -> new RetentionVerticle(registry.audit(), meters), 1);
    }

    TokenVerifier verifier =
        settings.auth().dev()
            ? DevIssuer.open(vertx, data.path())
            : await(OidcIssuer.open(vertx, settings.auth().issuer(), settings.auth().audience()));
    Guard.Parts doors =
        new Guard.Parts(
            Objects.requireNonNull(verifier),
            new SubjectLimits(settings.auth().requestsPerSecond()),
            meters);
    ManagementVerticle management =
        new ManagementVerticle(
            new ManagementVerticle.Parts(
                settings.management(),
                new Door(settings.http(), settings.limits(), tls, drain),
                drain,
                registry,
                runtime,
                modes,
                Guard.management(doors, new RefusalAudit(registry.audit())),
                control,
                budgets,
                drift,
                feedback == null ? null : feedback.log(),
                feedback == null ? null : feedback.redactions(),
                feedback == null ? null : feedback.actions(),
                heads,
                Artifacts.approvals(settings),
                feedback == null ? null : retraining(vertx, feedback, runtime),
                meters));
    AutoCloseable api =
        !roles.edge()
            ? () -> {}
            : listen(
                vertx,
                new ApiVerticle.Parts(
                    settings.http(),
                    pooled.scoring(),
                    new DecisionFlow.Parts(
                        runtime,
                        modes,
                        feedback == null ? null : feedback.log(),
                        cap(registry),
                        trials,
                        decisions),
                    Guard.api(doors, settings.auth().dev()),
                    feedback == null ? null : feedback.labels(),
                    feedback == null ? null : feedback.labelFiles(),
                    new Door(settings.http(), settings.limits(), tls, drain),
                    tracing.spans()));
    deploy(vertx, () -> management, 1);
    managementPort = management.port();
    control.reachedAt(settings.management().host(), managementPort);
    if (feedback != null && roles.data()) {
      dispatch(vertx, feedback, new SendLease(modes), tracing.sends());
    }
    if (roles.data()) {
      Mirrors.start(settings, registry, data.replicaId(), meters).forEach(this::push);
    }
    push(api); // closed first, while health still says that this replica leaves
  }

  private ActionCap cap(RegistryDatabase registry) {
    int perMinute = settings.decision().actionCap();
    return new ActionCap(perMinute, new CapAudit(registry.audit(), meters, perMinute));
  }

  /** A replica that is pinned to observe sends nothing, and leaves to others what is to be sent. */
  private void dispatch(
      Vertx vertx, FeedbackVerticle feedback, SendLease lease, SendTracing tracing)
      throws Exception {
    Settings.Actions actions = settings.actions();
    if (actions == null || "observe".equals(settings.decision().mode())) {
      return;
    }
    ActionOptions to =
        new ActionOptions(
            actions.sinks(),
            actions.secrets(),
            actions.allowPrivate(),
            actions.concurrency(),
            lease,
            tracing);
    deploy(vertx, () -> feedback.dispatcher(to), 1);
  }

  private static void warnOfDevelopmentKey(TrustFile trust) {
    VerifyingKey key = trust.developmentKey();
    if (key != null) {
      LOG.warn("DEVELOPMENT KEY {} may sign EVERY model here, because ML_AUTH is dev", key.id());
    }
  }

  private ManagementVerticle.Retraining retraining(
      Vertx vertx, FeedbackVerticle feedback, ScoringRuntime runtime) {
    return new ManagementVerticle.Retraining(
        new LabelDigest(vertx, feedback.labelFiles(), runtime),
        Duration.ofMillis(settings.alerts().driftAfterMs()));
  }

  private DatabaseAddress database(DataDir data) throws IOException {
    String url = settings.database().url();
    return url.isEmpty()
        ? push(EmbeddedDatabase.start(data.path())).address()
        : DatabaseAddress.parse(url);
  }

  /** A configured database may be away: then this replica serves in observe until it is back. */
  private void migrate(Bootstrap bootstrap) throws Exception {
    try {
      await(bootstrap.run());
    } catch (IOException e) {
      if (settings.database().url().isEmpty()) {
        throw e;
      }
      LOG.warn("the database is away: {}", e.getMessage());
      bootstrap.retry();
    }
  }

  private void audit(Vertx vertx, RegistryDatabase registry, HeadFiles heads, boolean seals)
      throws Exception {
    AuditVerticle.Parts audit =
        new AuditVerticle.Parts(
            registry.audit(),
            heads,
            seals,
            settings.audit().sealMs(),
            settings.audit().headMs(),
            meters);
    DeploymentOptions worker = new DeploymentOptions().setThreadingModel(ThreadingModel.WORKER);
    String id = await(vertx.deployVerticle(new AuditVerticle(audit), worker));
    push(() -> await(vertx.undeploy(id)));
  }

  private AutoCloseable listen(Vertx vertx, ApiVerticle.Parts api) throws Exception {
    List<ApiVerticle> instances = new ArrayList<>();
    AutoCloseable deployed =
        deployed(
            vertx,
            () -> {
              ApiVerticle instance = new ApiVerticle(api);
              instances.add(instance);
              return instance;
            },
            settings.http().loops());
    apiPort = instances.get(0).port();
    return deployed;
  }

  private void deploy(Vertx vertx, Supplier<Deployable> verticle, int instances) throws Exception {
    push(deployed(vertx, verticle, instances));
  }

  private static AutoCloseable deployed(Vertx vertx, Supplier<Deployable> verticle, int instances)
      throws Exception {
    DeploymentOptions options = new DeploymentOptions().setInstances(instances);
    String id = await(vertx.deployVerticle(verticle, options));
    return () -> await(vertx.undeploy(id));
  }

  private void drain() {
    int drainMs = settings.management().drainMs();
    if (parts.isEmpty() || managementPort < 0 || drain.begun()) {
      return;
    }
    drain.begin();
    LOG.info("not ready any more; the API listener closes in {} ms", drainMs);
    try {
      TimeUnit.MILLISECONDS.sleep(drainMs);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // then at once
    }
  }

  private <T extends AutoCloseable> T push(T part) {
    parts.push(part);
    return part;
  }

  private static <T> @Nullable T await(Future<T> future) throws IOException, InterruptedException {
    try {
      return future
          .toCompletionStage()
          .toCompletableFuture()
          .get(STEP_BOUND.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause() == null ? e.getMessage() : e.getCause().getMessage(), e);
    } catch (TimeoutException e) {
      throw new IOException("a part did not start or stop within " + STEP_BOUND, e);
    }
  }

  /**
   * Says that it is not ready and serves on until balancers have noticed, then closes every part:
   * the API listener first, which finishes what it has taken on. Closing twice closes once.
   */
  @Override
  public synchronized void close() {
    drain();
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        LOG.warn("a part did not close cleanly: {}", e.getMessage());
      }
    }
  }
}
