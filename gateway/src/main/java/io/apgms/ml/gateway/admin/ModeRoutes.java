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
import io.apgms.ml.registry.ForcedMode;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** {@code /admin/decision-mode}: what the mode is and why; force observe, lift it. Never act. */
final class ModeRoutes {
  private static final long MAX_TTL_MS = Duration.ofDays(366).toMillis();

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
        .onSuccess(forced -> answerInForce(rc, forced.auditId()))
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
    AdminRoutes.Removal removal = AdminRoutes.Removal.of(rc);
    registry
        .forcedModes()
        .lift(Guard.actor(rc), removal.modelId(), removal.reason())
        .onSuccess(entry -> answerInForce(rc, entry.id()))
        .onFailure(rc::fail);
  }

  private void answerInForce(RoutingContext rc, UUID auditId) {
    Future<ObjectNode> answer =
        control
            .refresh()
            .compose(v -> registry.controlState())
            .map(state -> json(state.forced()).put("auditId", auditId.toString()));
    AdminRoutes.answer(rc, 200, answer);
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
