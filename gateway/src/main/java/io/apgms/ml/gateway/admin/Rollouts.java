package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.Change;
import io.apgms.ml.registry.Deployment;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.ReplicaState;
import io.apgms.ml.registry.RollbackCommand;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A change of what a model serves, from the decision to the last replica: verify the target, move
 * the pointer, wait until every live replica serves it.
 */
final class Rollouts {
  static final Duration LIVE = Duration.ofSeconds(3);
  static final Duration KNOWN = Duration.ofSeconds(30);
  private static final long ACK_BOUND_MS = 5_000;
  private static final long FAILED_BOUND_MS = 1_000; // its folder may be on its way
  private static final long POLL_MS = 20;

  private final Vertx vertx;
  private final RegistryDatabase registry;
  private final ControlVerticle control;
  private final Timer rollbackDuration;

  Rollouts(Vertx vertx, RegistryDatabase registry, ControlVerticle control, MeterRegistry meters) {
    this.vertx = vertx;
    this.registry = registry;
    this.control = control;
    this.rollbackDuration =
        Timer.builder("apgms_ml_rollback_duration")
            .serviceLevelObjectives(
                Duration.ofMillis(100),
                Duration.ofMillis(250),
                Duration.ofSeconds(1),
                Duration.ofSeconds(3))
            .register(meters);
  }

  /**
   * What was done.
   *
   * @param acked milliseconds until a replica served it, by replica id
   * @param pending why a replica is not known to serve it, by its id: it cannot, did not within
   *     five seconds, or has not been heard of since
   */
  record Outcome(
      Change change, long tookMs, Map<String, Acked> acked, Map<String, String> pending) {}

  record Acked(String version, long ms) {}

  Future<Outcome> rollback(RollbackCommand command) {
    long started = System.nanoTime();
    return requireUnpinnedReplicas(command.model())
        .compose(v -> registry.deployments().rollbackTarget(command))
        .compose(this::verified)
        .compose(t -> registry.deployments().rollback(command.withTargetDigest(t.digest())))
        .compose(change -> settle(change, started))
        .recover(e -> withoutTrial(command, e))
        .onSuccess(done -> rollbackDuration.record(done.tookMs(), TimeUnit.MILLISECONDS));
  }

  /** Where there is nothing to go back to, a trial that runs ends all the same. */
  private Future<Outcome> withoutTrial(RollbackCommand command, Throwable refusal) {
    if (!(refusal instanceof RegistryException.Conflict)) {
      return Future.failedFuture(refusal);
    }
    return registry
        .trials()
        .stop(command.model(), command.actor(), "rollback, which was refused")
        .transform(
            stopped ->
                Future.failedFuture(
                    stopped.failed()
                        ? refusal
                        : new RegistryException.Conflict(
                            "%s; the %s of %s is ended"
                                .formatted(
                                    refusal.getMessage(),
                                    stopped.result().kind(),
                                    stopped.result().version()))));
  }

  Future<Outcome> pin(String model, String version, String actor, String reason) {
    long started = System.nanoTime();
    return registry
        .deployments()
        .served(model, version) // before it is loaded: what is loaded can be asked for by name
        .recover(e -> Future.failedFuture(neverServed(e)))
        .compose(this::verified)
        .compose(
            served -> registry.deployments().pin(model, version, served.digest(), actor, reason))
        .compose(change -> settle(change, started));
  }

  private static Throwable neverServed(Throwable e) {
    return e instanceof RegistryException.NotFound
        ? new RegistryException.Conflict(e.getMessage() + ": it cannot be pinned, only promoted")
        : e;
  }

  /** The artifact is loaded before the pointer moves: a target that cannot serve is no target. */
  private Future<Deployment> verified(Deployment target) {
    return control.load(target.model(), target.version(), target.digest()).map(target);
  }

  Future<Void> requireUnpinnedReplicas(String model) {
    return registry
        .replicas()
        .live(LIVE)
        .compose(
            live -> {
              List<String> held = new ArrayList<>();
              for (ReplicaState r : live) {
                if (r.envPins().containsKey(model)) {
                  held.add(r.id() + " at " + r.envPins().get(model));
                }
              }
              return held.isEmpty()
                  ? Future.succeededFuture()
                  : Future.failedFuture(
                      new RegistryException.Conflict(
                          "replicas held by ML_MODEL_VERSION: "
                              + held
                              + ", expected none: unset it and redeploy them first"));
            });
  }

  Future<Outcome> settle(Change change, long started) {
    return control
        .refresh()
        .recover(e -> Future.succeededFuture())
        .compose(v -> await(change, started, new LinkedHashMap<>()));
  }

  private Future<Outcome> await(Change change, long started, Map<String, Acked> acked) {
    return registry
        .replicas()
        .live(LIVE)
        .compose(
            live -> {
              long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - started);
              Map<String, String> pending = new TreeMap<>();
              boolean allFail = ms >= FAILED_BOUND_MS;
              for (ReplicaState replica : live) {
                if (serves(replica, change)) {
                  String version =
                      Objects.requireNonNull(replica.serving().get(change.model())).version();
                  acked.putIfAbsent(replica.id(), new Acked(version, ms));
                } else {
                  String failure = replica.failures().getOrDefault(change.model(), "");
                  boolean fails = failure.startsWith(change.to() + " ");
                  allFail &= fails;
                  pending.put(replica.id(), fails ? failure : "it has not followed yet");
                }
              }
              if (pending.isEmpty() || allFail || ms >= ACK_BOUND_MS) {
                return unheard(acked, pending).map(late -> new Outcome(change, ms, acked, late));
              }
              return vertx
                  .timer(POLL_MS, TimeUnit.MILLISECONDS)
                  .compose(t -> await(change, started, acked));
            });
  }

  private static boolean serves(ReplicaState replica, Change change) {
    ReplicaState.Serving now = replica.serving().get(change.model());
    return now != null
        && now.revision() >= change.revision()
        && (now.revision() > change.revision() || now.version().equals(change.to()));
  }

  /**
   * A replica that has not left and is silent may be dead. It may as well serve what it served: one
   * that is cut off from PostgreSQL is not ready once it hears of the change from another replica.
   */
  private Future<Map<String, String>> unheard(
      Map<String, Acked> acked, Map<String, String> pending) {
    return registry
        .replicas()
        .silent(LIVE, KNOWN)
        .map(
            silent -> {
              for (String id : silent) {
                if (!acked.containsKey(id)) {
                  pending.putIfAbsent(id, "not heard of for " + LIVE.toSeconds() + " s or more");
                }
              }
              return pending;
            });
  }
}
