package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.flags.ForcedObserve;
import io.apgms.ml.flags.Mode;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.ControlState;
import io.apgms.ml.registry.ForcedMode;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * {@code /admin/decision-mode}: what the mode is and why; force observe, lift it. Never act.
 *
 * <p>A change is answered when it is in force on every replica, by its own word or because nothing
 * that it knew before holds any longer ({@link ModeAcks}): 2 s after the commit at most.
 */
final class ModeRoutes {
  private static final long MAX_TTL_MS = Duration.ofDays(366).toMillis();
  private static final long POLL_MS = 20;

  private final RegistryDatabase registry;
  private final ControlVerticle control;
  private final DecisionModes modes;
  private final ScoringRuntime runtime;

  ModeRoutes(
      RegistryDatabase registry,
      ControlVerticle control,
      DecisionModes modes,
      ScoringRuntime runtime) {
    this.registry = registry;
    this.control = control;
    this.modes = modes;
    this.runtime = runtime;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    String path = "/admin/decision-mode";
    router.get(path).handler(guard.only(Roles.ONCALL)).handler(this::show);
    router.put(path).handler(guard.only(Roles.ONCALL)).handler(body).handler(this::force);
    router.delete(path).handler(guard.only(Roles.ONCALL)).handler(body).handler(this::lift);
  }

  private void show(RoutingContext rc) {
    Future<ObjectNode> answer =
        registry
            .controlState()
            .map(state -> json(state.forced()))
            .recover(e -> Future.succeededFuture(json(List.of())));
    AdminRoutes.answer(rc, 200, answer);
  }

  private void force(RoutingContext rc) {
    long started = System.nanoTime();
    Fields fields = Bodies.fields(rc);
    String mode = fields.required("mode", 16);
    if (!mode.isEmpty() && !mode.equals("observe")) {
      fields.refuse("mode", FieldError.quote(mode) + ", expected observe: act can never be forced");
    }
    String reason = fields.required("reason", 2_000);
    String model = fields.optional("modelId", 64);
    Long ttlMs = fields.number("ttlMs", 1, MAX_TTL_MS);
    fields.check();
    Duration ttl = ttlMs == null ? null : Duration.ofMillis(ttlMs);
    requireModel(model)
        .compose(v -> registry.forcedModes().force(Guard.actor(rc), reason, model, ttl))
        .onSuccess(
            set -> {
              Future<List<ForcedMode>> forced = // it is committed, whatever happens now
                  forced()
                      .timeout(DecisionModes.LEASE_NANOS, TimeUnit.NANOSECONDS)
                      .otherwise(List.of(set));
              ModeAcks acks = acks(set.auditSeq(), started);
              Future<ObjectNode> answer = inForce(rc, acks, forced, set.auditId());
              AdminRoutes.answer(rc, 200, answer.map(out -> byLease(out, acks)));
            })
        .onFailure(
            e -> {
              if (e instanceof RegistryException.Unavailable) {
                observeHere(rc, model);
              } else {
                rc.fail(e);
              }
            });
  }

  private Future<Void> requireModel(@Nullable String model) {
    if (model == null) {
      return Future.succeededFuture();
    }
    return registry
        .controlState()
        .map(
            state -> {
              if (state.pointer(model).isEmpty()) {
                throw Problem.of(404, "unknown model " + FieldError.quote(model));
              }
              return null;
            });
  }

  /** Without PostgreSQL nothing can be recorded, but this replica can stop acting at once. */
  private void observeHere(RoutingContext rc, @Nullable String model) {
    Set<String> models = model == null ? Set.of() : Set.of(model);
    modes.force(new ForcedObserve(model == null, models), System.nanoTime());
    ObjectNode out = json(List.of());
    out.putArray("notRecorded")
        .add("audit entry")
        .add("the force on other replicas and after PostgreSQL is back");
    Answers.send(rc, 202, out);
  }

  private void lift(RoutingContext rc) {
    long started = System.nanoTime();
    AdminRoutes.Removal removal = AdminRoutes.Removal.of(rc);
    registry
        .forcedModes()
        .lift(Guard.actor(rc), removal.modelId(), removal.reason())
        .onSuccess(
            entry -> {
              ModeAcks acks = acks(entry.seq(), started);
              inForce(rc, acks, forced(), entry.id())
                  .onSuccess(out -> Answers.send(rc, pending(out, acks), out))
                  .onFailure(rc::fail);
            })
        .onFailure(rc::fail);
  }

  private Future<List<ForcedMode>> forced() {
    return registry.controlState().map(ControlState::forced);
  }

  /** Of a change that was committed by now. */
  private ModeAcks acks(long auditSeq, long started) {
    return new ModeAcks(auditSeq, control.replicaId(), started, System.nanoTime());
  }

  private Future<ObjectNode> inForce(
      RoutingContext rc, ModeAcks acks, Future<List<ForcedMode>> forced, UUID auditId) {
    control.refresh(); // the others are notified
    return settle(rc.vertx(), acks)
        .compose(v -> forced)
        .map(
            list -> {
              ObjectNode out = json(list).put("auditId", auditId.toString());
              out.put("tookMs", acks.tookMs(System.nanoTime()));
              ArrayNode replicas = out.putArray("replicas");
              acks.acked().forEach((id, ms) -> add(replicas, id, ms, "reading"));
              return out;
            });
  }

  private Future<Void> settle(Vertx vertx, ModeAcks acks) {
    return registry
        .replicas()
        .live(Rollouts.KNOWN)
        .timeout(Math.max(1, acks.leftMs(System.nanoTime())), TimeUnit.MILLISECONDS)
        .onSuccess(reports -> acks.heard(reports, System.nanoTime()))
        .otherwiseEmpty()
        .compose(
            reports -> {
              long left = acks.leftMs(System.nanoTime());
              return acks.settled(System.nanoTime())
                  ? Future.succeededFuture()
                  : vertx
                      .timer(Math.max(1, Math.min(POLL_MS, left)), TimeUnit.MILLISECONDS)
                      .compose(t -> settle(vertx, acks));
            });
  }

  private static void add(ArrayNode replicas, String id, long ms, String by) {
    replicas.addObject().put("id", id).put("ackedMs", ms).put("by", by);
  }

  /** Forced observe is in force on the silent ones too: none of them may act by what it knows. */
  private static ObjectNode byLease(ObjectNode out, ModeAcks acks) {
    ArrayNode replicas = out.withArray("replicas");
    acks.silent().forEach(id -> add(replicas, id, out.path("tookMs").asLong(), "lease"));
    return out;
  }

  /** A silent replica does not act before it has read that it may again; the status to answer. */
  private static int pending(ObjectNode out, ModeAcks acks) {
    if (acks.silent().isEmpty()) {
      return 200;
    }
    ArrayNode pending = out.putArray("pending");
    acks.silent().forEach(pending::add);
    return 202;
  }

  private ObjectNode json(List<ForcedMode> forced) {
    ObjectNode out = Answers.object();
    ArrayNode models = out.putArray("models");
    runtime.active().stream()
        .sorted(Comparator.comparing(ServedModel::modelId))
        .forEach(
            m -> {
              Mode mode = modes.resolve(FlagContext.whoever(m.modelId()), System.nanoTime());
              models
                  .addObject()
                  .put("modelId", m.modelId())
                  .put("mode", mode.mode().wire())
                  .put("modeSource", mode.source().wire())
                  .put("flagAgeMs", mode.flagAgeMs() < 0 ? null : mode.flagAgeMs());
            });
    ArrayNode list = out.putArray("forced");
    for (ForcedMode f : forced) {
      ObjectNode item = list.addObject();
      item.put("scope", f.scope());
      item.put("reason", f.reason());
      item.put("actor", f.actor());
      item.put("setAt", f.setAt().toString());
      item.put("expiresAt", f.expiresAt() == null ? null : f.expiresAt().toString());
      item.put("auditId", f.auditId().toString());
    }
    return out;
  }
}
