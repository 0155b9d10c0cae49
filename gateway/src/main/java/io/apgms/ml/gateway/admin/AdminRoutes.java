package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.Decision;
import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.PredictionQuery;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Params;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.Deployment;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.ReplicaState;
import io.apgms.ml.registry.RollbackCommand;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Deployments, rollback and pin on the management listener. */
final class AdminRoutes {
  private static final int MAX_REASON = 2_000;

  private final RegistryDatabase registry;
  private final Rollouts rollouts;
  private final Promoter promoter;
  private final ControlVerticle control;
  private final @Nullable DecisionLog log;

  AdminRoutes(
      RegistryDatabase registry,
      Rollouts rollouts,
      Promoter promoter,
      ControlVerticle control,
      @Nullable DecisionLog log) {
    this.log = log;
    this.registry = registry;
    this.rollouts = rollouts;
    this.promoter = promoter;
    this.control = control;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    String model = "/admin/models/:model";
    router.get(model + "/deployments").handler(guard.staff()).handler(this::deployments);
    router.get(model + "/active").handler(guard.staff()).handler(this::activeAt);
    router
        .post(model + "/promote")
        .handler(guard.only(Roles.DS_LEAD))
        .handler(body)
        .handler(this::promote);
    router
        .post(model + "/rollback")
        .handler(guard.only(Roles.ONCALL))
        .handler(body)
        .handler(this::rollback);
    router.put(model + "/pin").handler(guard.only(Roles.ONCALL)).handler(body).handler(this::pin);
    router
        .delete(model + "/pin")
        .handler(guard.only(Roles.ONCALL))
        .handler(body)
        .handler(this::unpin);
  }

  private void deployments(RoutingContext rc) {
    String model = model(rc);
    Future<ObjectNode> answer =
        registry
            .deployments()
            .history(model)
            .map(
                newestFirst -> {
                  if (newestFirst.isEmpty()) {
                    throw Problem.of(404, "unknown model " + FieldError.quote(model));
                  }
                  ObjectNode out = Answers.object().put("modelId", model);
                  ArrayNode list = out.putArray("deployments");
                  int active = newestFirst.get(0).revision();
                  for (Deployment d : newestFirst) {
                    list.add(json(d).put("active", d.revision() == active));
                  }
                  return out;
                })
            .compose(
                out ->
                    registry
                        .replicas()
                        .live(Rollouts.LIVE)
                        .map(live -> out.<ObjectNode>set("replicas", replicas(out, live))));
    answer(rc, 200, answer);
  }

  /** What each live replica serves, beside what it should. */
  private static ArrayNode replicas(ObjectNode deployments, List<ReplicaState> live) {
    String model = deployments.path("modelId").asText();
    String active = deployments.at("/deployments/0/version").asText();
    ArrayNode list = Answers.object().arrayNode();
    for (ReplicaState replica : live) {
      ReplicaState.Serving now = replica.serving().get(model);
      ObjectNode one =
          list.addObject()
              .put("id", replica.id())
              .put("version", now == null ? null : now.version())
              .put("revision", now == null ? null : now.revision())
              .put("drift", now == null || !now.version().equals(active));
      putIfSet(one, "envPin", replica.envPins().get(model));
      putIfSet(one, "failure", replica.failures().get(model));
    }
    return list;
  }

  private void activeAt(RoutingContext rc) {
    Params params = new Params(rc, Set.of("at"));
    Instant asked = params.time("at");
    params.check();
    Instant at = asked == null ? Instant.now() : asked;
    String model = model(rc);
    Future<ObjectNode> answer =
        registry
            .deployments()
            .activeAt(model, at)
            .map(AdminRoutes::json)
            .compose(out -> modeAt(model, at).map(out::<ObjectNode>setAll));
    answer(rc, 200, answer);
  }

  /**
   * The mode at a time: observe where it was forced, else that of the last decision before it, with
   * the decision's time.
   */
  private Future<ObjectNode> modeAt(String model, Instant at) {
    return registry
        .forcedModes()
        .forcedAt(model, at)
        .compose(
            forced ->
                forced.isPresent()
                    ? Future.succeededFuture(mode("observe", "override", at))
                    : decidedAt(model, at));
  }

  private Future<ObjectNode> decidedAt(String model, Instant at) {
    if (log == null) {
      return Future.succeededFuture(mode(null, null, null));
    }
    Instant until = at.plusMillis(1);
    return log.predictions(new PredictionQuery(model, null, null, until, null, null, 1, null))
        .map(
            page -> {
              if (page.items().isEmpty()) {
                return mode(null, null, null);
              }
              Decision last = page.items().get(0).decision();
              return mode(last.act() ? "act" : "observe", last.modeSource(), last.at());
            });
  }

  private static ObjectNode mode(
      @Nullable String mode, @Nullable String source, @Nullable Instant asOf) {
    return Answers.object()
        .put("mode", mode)
        .put("modeSource", source)
        .put("modeAsOf", asOf == null ? null : asOf.toString());
  }

  private void promote(RoutingContext rc) {
    String model = model(rc);
    Fields fields = Bodies.fields(rc);
    String version = version(fields);
    String ticket = fields.required("ticket", 64);
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    answerChange(
        rc, promoter.promote(new Promoter.Asked(model, version, ticket, Guard.actor(rc), reason)));
  }

  private void rollback(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String reason = fields.required("reason", MAX_REASON);
    Long toRevision = fields.number("toRevision", 1, Integer.MAX_VALUE);
    String incident = fields.optional("incident", 128);
    fields.check();
    RollbackCommand command =
        new RollbackCommand(
            model(rc),
            Guard.actor(rc),
            reason,
            toRevision == null ? null : toRevision.intValue(),
            incident,
            Bodies.idempotencyKey(rc),
            null);
    answerChange(rc, rollouts.rollback(command));
  }

  private void pin(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String version = version(fields);
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    answerChange(rc, rollouts.pin(model(rc), version, Guard.actor(rc), reason));
  }

  static String version(Fields fields) {
    String version = fields.required("version", 16);
    if (!version.isEmpty() && !Names.isVersion(version)) {
      fields.refuse("version", FieldError.quote(version) + ", expected YYYYMMDD or YYYYMMDD-n");
    }
    return version;
  }

  private void unpin(RoutingContext rc) {
    String model = model(rc);
    Future<AuditEntry> lifted =
        registry.deployments().unpin(model, Guard.actor(rc), Removal.of(rc).reason());
    Future<ObjectNode> answer =
        lifted.compose(
            entry ->
                control
                    .refresh()
                    .recover(e -> Future.succeededFuture())
                    .compose(v -> registry.deployments().history(model))
                    .map(
                        newestFirst -> {
                          Deployment now = newestFirst.get(0);
                          ObjectNode out =
                              Answers.object()
                                  .put("revision", now.revision())
                                  .put("from", now.version())
                                  .put("to", now.version())
                                  .put("auditId", entry.id().toString())
                                  .put("tookMs", 0);
                          out.putArray("replicas");
                          return out;
                        }));
    answer(rc, 200, answer);
  }

  /** What a DELETE says: in its body, or as parameters where a client sends no body. */
  record Removal(String reason, @Nullable String modelId) {
    static Removal of(RoutingContext rc) {
      String reason = rc.queryParams().get("reason");
      if (reason != null && !reason.isBlank() && reason.length() <= MAX_REASON) {
        return new Removal(reason, rc.queryParams().get("modelId"));
      }
      Fields fields = Bodies.fields(rc);
      Removal removal =
          new Removal(fields.required("reason", MAX_REASON), fields.optional("modelId", 64));
      fields.check();
      return removal;
    }
  }

  static String model(RoutingContext rc) {
    String model = rc.pathParam("model");
    if (!Names.isModel(model)) {
      throw Problem.of(404, "unknown model " + FieldError.quote(model));
    }
    return model;
  }

  private static void answerChange(RoutingContext rc, Future<Rollouts.Outcome> done) {
    done.onFailure(rc::fail)
        .onSuccess(
            outcome -> {
              ObjectNode out =
                  Answers.object()
                      .put("revision", outcome.change().revision())
                      .put("from", outcome.change().from())
                      .put("to", outcome.change().to())
                      .put("auditId", outcome.change().auditId().toString())
                      .put("tookMs", outcome.tookMs());
              ArrayNode replicas = out.putArray("replicas");
              for (Map.Entry<String, Rollouts.Acked> r : outcome.acked().entrySet()) {
                replicas
                    .addObject()
                    .put("id", r.getKey())
                    .put("version", r.getValue().version())
                    .put("ackedMs", r.getValue().ms());
              }
              Map<String, String> pending = outcome.pending();
              if (!pending.isEmpty()) {
                ArrayNode late = out.putArray("pending");
                ObjectNode reasons = out.putObject("reasons");
                pending.keySet().forEach(late::add);
                pending.forEach(reasons::put);
              }
              Answers.send(rc, pending.isEmpty() ? 200 : 202, out);
            });
  }

  static void answer(RoutingContext rc, int status, Future<? extends ObjectNode> body) {
    body.onFailure(rc::fail).onSuccess(out -> Answers.send(rc, status, out));
  }

  private static ObjectNode json(Deployment d) {
    ObjectNode out =
        Answers.object()
            .put("revision", d.revision())
            .put("version", d.version())
            .put("digest", d.digest())
            .put("kind", d.kind().name())
            .put("actor", d.actor())
            .put("at", d.at().toString())
            .put("reason", d.reason())
            .put("auditId", d.auditId().toString());
    putIfSet(out, "from", d.fromVersion());
    putIfSet(out, "ticket", d.ticket());
    putIfSet(out, "incident", d.incident());
    return out;
  }

  private static void putIfSet(ObjectNode out, String key, @Nullable String value) {
    if (value != null) {
      out.put(key, value);
    }
  }
}
