package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.admin.RetrainingRule.Due;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Params;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.gateway.http.StrictJson;
import io.apgms.ml.registry.Alert;
import io.apgms.ml.registry.Alerts;
import io.apgms.ml.registry.ControlState;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.Retrainings;
import io.vertx.core.Future;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * {@code /admin/alerts}: what Alertmanager tells, kept, and a retraining asked for where an alert
 * is reason to. The same told twice is the same.
 */
final class AlertRoutes {
  /** A hundred alerts of 2.6 KB; one of ours has less than 1.2 KB. */
  private static final int MAX_BODY = 262_144;

  private static final Duration PRESET = Duration.ofDays(1);

  private final RegistryDatabase registry;
  private final RetrainingRequests requests;
  private final Duration driftAfter;

  AlertRoutes(RegistryDatabase registry, RetrainingRequests requests, Duration driftAfter) {
    this.registry = registry;
    this.requests = requests;
    this.driftAfter = driftAfter;
  }

  void mount(Router router, Guard guard) {
    String alerts = "/admin/alerts";
    router
        .post(alerts)
        .handler(guard.only(Roles.ALERTMANAGER))
        .handler(BodyHandler.create(false).setBodyLimit(MAX_BODY))
        .handler(this::take);
    router.get(alerts).handler(guard.staff()).handler(this::list);
  }

  private void take(RoutingContext rc) {
    Bodies.requireJson(rc);
    List<Alert> alerts = AlertPayload.read(StrictJson.object(Bodies.bytes(rc)));
    String actor = Guard.actor(rc);
    ObjectNode out = Answers.object().put("received", alerts.size());
    for (String list : List.of("opened", "opening", "waiting", "known")) {
      out.putArray(list);
    }
    Future<ObjectNode> answer =
        registry
            .alerts()
            .put(alerts)
            .compose(v -> registry.controlState())
            .compose(state -> decide(alerts, state, actor, out));
    AdminRoutes.answer(rc, 200, answer);
  }

  /** One model after another: what is asked of several is asked of the same database. */
  private Future<ObjectNode> decide(
      List<Alert> alerts, ControlState state, String actor, ObjectNode out) {
    Set<String> known = state.pointers().stream().map(Pointer::model).collect(Collectors.toSet());
    Future<ObjectNode> all = Future.succeededFuture(out);
    for (Due due : RetrainingRule.of(alerts, known, driftAfter)) {
      all = all.compose(v -> decide(due, state.at(), actor, out));
    }
    return all;
  }

  private Future<ObjectNode> decide(Due due, Instant now, String actor, ObjectNode out) {
    ObjectNode one = Answers.object().put("modelId", due.model()).put("cause", due.cause().name());
    one.put("alert", due.alert().name());
    if (due.opensAt().isAfter(now)) {
      out.withArray("waiting").add(one.put("opensAt", due.opensAt().toString()));
      return Future.succeededFuture(out);
    }
    return requests
        .open(asked(due, actor), now)
        .map(
            outcome -> {
              String list = outcome.map(o -> o.opened() ? "opened" : "known").orElse("opening");
              outcome.ifPresent(o -> one.put("retraining", o.retraining().name()));
              out.withArray(list).add(one);
              return out;
            });
  }

  private static Retrainings.Asked asked(Due due, String actor) {
    Alert alert = due.alert();
    String summary = alert.summary() == null ? "" : ": " + alert.summary();
    return new Retrainings.Asked(
        due.model(),
        due.cause(),
        alert.name(),
        alert.startsAt(),
        alert.name() + " fires since " + alert.startsAt() + summary,
        actor);
  }

  private void list(RoutingContext rc) {
    Params params = new Params(rc, Set.of("from", "to", "limit"));
    Instant until = params.time("to");
    Instant since = params.time("from");
    int limit = params.limit();
    params.check();
    Instant to = until == null ? Instant.now() : until;
    Instant from = since == null ? to.minus(PRESET) : since;
    if (!from.isBefore(to)) {
      throw Problem.field(
          422, "to", FieldError.quote("" + to) + ", expected a time after from: " + from);
    }
    Future<ObjectNode> answer =
        registry
            .alerts()
            .between(from, to, limit)
            .map(heard -> Answers.list("alerts", heard, AlertRoutes::json));
    AdminRoutes.answer(rc, 200, answer);
  }

  private static ObjectNode json(Alerts.Heard heard) {
    Alert alert = heard.alert();
    ObjectNode out =
        Answers.object()
            .put("fingerprint", alert.fingerprint())
            .put("name", alert.name())
            .put("modelId", alert.model())
            .put("severity", alert.severity())
            .put("summary", alert.summary())
            .put("startsAt", alert.startsAt().toString())
            .put("endsAt", alert.endsAt() == null ? null : alert.endsAt().toString())
            .put("seenAt", heard.seenAt().toString());
    ObjectNode labels = out.putObject("labels");
    alert.labels().entrySet().stream()
        .sorted(java.util.Map.Entry.comparingByKey())
        .forEach(label -> labels.put(label.getKey(), label.getValue()));
    return out;
  }
}
