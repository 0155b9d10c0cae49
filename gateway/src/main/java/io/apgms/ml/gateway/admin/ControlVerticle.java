package io.apgms.ml.gateway.admin;

import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.gateway.admin.PointerFile.Target;
import io.apgms.ml.gateway.decision.ShadowScoring;
import io.apgms.ml.gateway.decision.TrialBoard;
import io.apgms.ml.gateway.settings.Settings.Pins;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.ControlState;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.ReplicaState;
import io.apgms.ml.registry.RollbackCommand;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.pgclient.PgConnectOptions;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps this replica at what PostgreSQL says: reads pointers and forced modes (every 500 ms, and at
 * once when notified), loads and swaps models, reports what is served.
 *
 * <p>Everything but the volatile views runs on this verticle's loop, one round at a time.
 */
public final class ControlVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(ControlVerticle.class);
  private static final long LISTENS_MS = 1_000; // where it never does, as PostgreSQL is away
  private static final String HELD = "="; // in no model id: key of a pin's target, model=version
  private static final String ENDED = "this replica is being ended";
  private static final long PERIOD_MS = 500;
  private static final long TRUST_PERIOD_MS = 5_000;
  private static final int MAX_FAILURE = 500; // characters of a reason that others are told

  /** What it works with. */
  public record Parts(
      RegistryDatabase registry,
      ArtifactStore store,
      ScoringRuntime runtime,
      DecisionModes modes,
      Pins pins,
      Path dataDir,
      String replicaId,
      @Nullable Path certificate,
      @Nullable PgConnectOptions notifications,
      @Nullable Trialling trialling) {}

  /** What trials of second versions need; null where nothing is logged. */
  public record Trialling(Candidates candidates, TrialBoard board, ShadowScoring shadow) {}

  private final Parts parts;
  private final PointerFile pointerFile;
  private final Revocations revocations;
  private final VersionLoader versions;
  private final ScoredLater later;
  private @Nullable TrialFollower trials;
  private final Instant startedAt = Instant.now();
  private final Map<String, Target> serving = new ConcurrentHashMap<>();
  private final Map<String, Target> held = new ConcurrentHashMap<>();
  private final Map<String, String> failures = new ConcurrentHashMap<>();
  private volatile Map<String, Target> pointers = Map.of();
  private volatile @Nullable String address;
  private volatile @Nullable Peers peers;
  private volatile boolean databaseSeen;
  private boolean stopping;
  private Future<Void> listens = Future.succeededFuture();
  private @Nullable Promise<Void> running;
  private @Nullable Promise<Void> next;
  private Map<String, Target> written = Map.of();

  public ControlVerticle(Parts parts) {
    this.parts = parts;
    this.pointerFile = new PointerFile(parts.dataDir());
    this.revocations = new Revocations(parts.store(), parts.runtime());
    this.versions = new VersionLoader(parts.store(), parts.runtime(), revocations::remember);
    this.later = new ScoredLater(parts.runtime());
  }

  @Override
  public Future<?> start() {
    listens = Notifications.listen(vertx, parts.notifications(), this::refresh);
    trials = follower();
    withdraw();
    vertx.setPeriodic(TRUST_PERIOD_MS, id -> withdraw());
    peers =
        new Peers(
            vertx,
            () -> parts.registry().replicas().live(Rollouts.LIVE),
            parts.replicaId(),
            parts.certificate());
    vertx.setPeriodic(
        PERIOD_MS,
        id -> {
          if (running == null) {
            refresh();
          }
        });
    return refresh()
        .recover(
            e -> {
              LOG.warn("starting with the pointers acknowledged last: {}", e.getMessage());
              return vertx.executeBlocking(pointerFile::read).compose(this::recall);
            });
  }

  @Override
  public Future<?> stop() {
    stopping = true;
    if (trials != null) {
      trials.stop();
    }
    Promise<Void> last = running; // whose report must not come after the leave
    Future<Void> settled = last == null ? Future.succeededFuture() : last.future().otherwiseEmpty();
    return settled
        .compose(v -> parts.registry().replicas().leave(parts.replicaId()))
        .otherwiseEmpty()
        .compose(v -> listens.timeout(LISTENS_MS, TimeUnit.MILLISECONDS).otherwiseEmpty());
  }

  private @Nullable TrialFollower follower() {
    Trialling with = parts.trialling();
    return with == null
        ? null
        : new TrialFollower(
            new TrialFollower.Parts(
                vertx, parts, with, this::load, revocations::remember, this::refresh));
  }

  private void followTrials(ControlState state, long asked) {
    if (trials != null && !stopping) {
      trials.follow(state.trials(), asked);
    }
  }

  /** Whether this replica takes part in a trial of the model now. */
  boolean trialIsLive(String model) {
    Trialling with = parts.trialling();
    return with != null && with.board().isLive(model, System.nanoTime());
  }

  /** The newest trial of each model as it was read last. */
  List<Trial> newestTrials() {
    return trials == null ? List.of() : trials.newest();
  }

  /** The target each model follows, as this replica serves it. */
  Map<String, Target> serving() {
    return Map.copyOf(serving);
  }

  /** Tells to where the management listener was bound, for other replicas. */
  public void reachedAt(String host, int port) throws UnknownHostException {
    address = Peers.address(parts.certificate() != null, host, port);
  }

  /** The pointers as they were read last. */
  Map<String, Target> pointers() {
    return pointers;
  }

  /** Why this replica must not be sent requests: by model it cannot serve, or for all of them. */
  Map<String, String> failures() {
    Map<String, String> all = new TreeMap<>(failures);
    String behind = peers == null ? null : peers.behind();
    if (behind != null) {
      all.put("pointers", behind);
    }
    return all;
  }

  /** Whether the last round reached PostgreSQL. */
  boolean databaseSeen() {
    return databaseSeen;
  }

  String replicaId() {
    return parts.replicaId();
  }

  /** A round that reads the state after this call; callable from any thread. */
  public Future<Void> refresh() {
    Promise<Void> asked = Promise.promise();
    context.runOnContext(
        v -> {
          if (stopping) {
            asked.fail(ENDED);
            return;
          }
          Promise<Void> round = running == null ? begin() : following();
          round.future().onComplete(asked);
        });
    return asked.future();
  }

  private Promise<Void> following() {
    if (next == null) {
      next = Promise.promise();
    }
    return next;
  }

  private Promise<Void> begin() {
    Promise<Void> round = Promise.promise();
    running = round;
    round()
        .onComplete(
            done -> {
              running = null;
              Promise<Void> waiting = next;
              next = null;
              if (waiting != null && stopping) {
                waiting.fail(ENDED);
              } else if (waiting != null) {
                begin().future().onComplete(waiting);
              }
              round.handle(done);
            });
    return round;
  }

  private Future<Void> round() {
    long asked = System.nanoTime(); // the lease counts from before the query was sent
    return parts
        .registry()
        .controlState()
        .compose(
            state -> {
              parts.modes().force(ReadState.forced(state), asked);
              followTrials(state, asked); // first, as a swap may take its time
              return follow(ReadState.targets(state)).compose(v -> report(state.auditSeq()));
            })
        .onComplete(done -> seen(done.succeeded(), done.cause()));
  }

  private void seen(boolean now, @Nullable Throwable why) {
    if (databaseSeen && !now) {
      LOG.warn("control state not read: {}", why == null ? "" : why.getMessage());
    }
    databaseSeen = now;
    if (peers != null) {
      peers.seen(now, pointers);
    }
  }

  /** The next round says why it is not served, and the replica is not ready. */
  private void withdraw() {
    vertx
        .executeBlocking(revocations::look)
        .onSuccess(
            models -> {
              models.forEach(serving::remove);
              if (!models.isEmpty()) {
                refresh();
              }
            });
  }

  private Future<Void> follow(Map<String, Target> targets) {
    pointers = Map.copyOf(targets);
    Future<Void> all = Future.succeededFuture();
    for (Map.Entry<String, Target> entry : targets.entrySet()) {
      all = all.compose(v -> follow(entry.getKey(), entry.getValue()));
    }
    return all.compose(v -> remember(targets));
  }

  private Future<Void> recall(Map<String, Target> file) {
    Map<String, Target> targets = new TreeMap<>(file);
    targets.keySet().removeIf(key -> key.indexOf(HELD) >= 0);
    file.forEach(
        (key, target) -> {
          if (key.indexOf(HELD) >= 0) {
            held.put(key, target);
          }
        });
    return follow(targets);
  }

  /**
   * What an environment pin holds a model to: a version that was active once, by the digest it then
   * had. A pin goes around no gate, and a folder on disk is not a version.
   */
  private Future<Target> held(String model, String version, Target pointer) {
    if (version.equals(pointer.version())) {
      return Future.succeededFuture(pointer);
    }
    String key = model + HELD + version;
    return parts
        .registry()
        .deployments()
        .served(model, version)
        .map(d -> new Target(version, d.digest(), d.revision()))
        .onSuccess(approved -> held.put(key, approved))
        .recover(
            e -> {
              Target before = held.get(key);
              boolean away = e instanceof RegistryException.Unavailable && before != null;
              return away ? Future.succeededFuture(before) : Future.failedFuture(e);
            });
  }

  private Future<Void> follow(String model, Target target) {
    String pinned = parts.pins().of(model);
    String version = pinned == null ? target.version() : pinned;
    parts.runtime().expect(model);
    ServedModel active = parts.runtime().active(model);
    if (active != null && active.version().equals(version)) {
      serving.put(model, new Target(version, active.digest(), target.revision()));
      failures.remove(model);
      later.over(model);
      return Future.succeededFuture();
    }
    return held(model, version, target)
        .compose(approved -> load(model, version, approved.digest()))
        .map(
            loaded -> {
              if (later.isStill(loaded, active, System.nanoTime())) {
                failures.remove(model);
                return (Void) null; // what is served goes on; the next round looks again
              }
              parts.runtime().activate(model, version);
              if (active == null) {
                warmLastGood(model);
              } else {
                parts.runtime().retain(model, Set.of(version, active.version()));
              }
              serving.put(model, new Target(version, loaded.digest(), target.revision()));
              failures.remove(model);
              LOG.info("{} serves {} (revision {})", model, version, target.revision());
              return (Void) null;
            })
        .recover(
            e -> {
              String whole = version + " cannot be served: " + e.getMessage();
              String why = whole.substring(0, Math.min(whole.length(), MAX_FAILURE));
              if (!why.equals(failures.put(model, why))) {
                LOG.error("{} {}", model, why);
              }
              return Future.succeededFuture();
            });
  }

  /** Loads a version off the serving path, unless it is kept warm. */
  Future<ServedModel> load(String model, String version, @Nullable String digest) {
    return vertx.executeBlocking(() -> versions.load(model, version, digest));
  }

  /** Loads what a rollback would return to beside the active version, so that it only swaps. */
  private void warmLastGood(String model) {
    RollbackCommand asked =
        new RollbackCommand(model, parts.replicaId(), "to keep it warm", null, null, null, null);
    parts
        .registry()
        .deployments()
        .rollbackTarget(asked)
        .compose(target -> load(model, target.version(), target.digest()))
        .onSuccess(warm -> LOG.info("{} keeps {} warm", model, warm.version()))
        .onFailure(e -> LOG.info("{} keeps no earlier version warm: {}", model, e.getMessage()));
  }

  private Future<Void> remember(Map<String, Target> targets) {
    Map<String, Target> all = new TreeMap<>(targets);
    all.putAll(held);
    if (all.equals(written)) {
      return Future.succeededFuture();
    }
    return vertx
        .executeBlocking(
            () -> {
              pointerFile.write(all);
              return (Void) null;
            })
        .onSuccess(v -> written = Map.copyOf(all));
  }

  /** What this replica does by now; whoever waits for a change reads it there. */
  private Future<Void> report(long auditSeq) {
    ReplicaState now =
        ReadState.report(parts, startedAt, new TreeMap<>(serving), failures, address, auditSeq);
    return parts.registry().replicas().heartbeat(now);
  }
}
