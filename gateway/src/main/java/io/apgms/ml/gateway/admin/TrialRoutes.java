package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.TrialPairs;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.registry.TrialBounds;
import io.apgms.ml.registry.TrialSums;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** {@code /admin/models/{m}/trial}: a second version beside the active one, as canary or shadow. */
final class TrialRoutes {
  private static final int MAX_REASON = 2_000;

  private final RegistryDatabase registry;
  private final TrialStarter starter;
  private final ControlVerticle control;

  TrialRoutes(RegistryDatabase registry, TrialStarter starter, ControlVerticle control) {
    this.registry = registry;
    this.starter = starter;
    this.control = control;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    String path = "/admin/models/:model/trial";
    router.get(path).handler(guard.staff()).handler(this::show);
    router.put(path).handler(guard.only(Roles.DS_LEAD)).handler(body).handler(this::start);
    router
        .delete(path)
        .handler(guard.only(Roles.ONCALL, Roles.DS_LEAD))
        .handler(body)
        .handler(this::stop);
  }

  private void show(RoutingContext rc) {
    String model = AdminRoutes.model(rc);
    Future<ObjectNode> answer =
        registry
            .controlState()
            .map(
                state -> {
                  if (state.pointer(model).isEmpty()) {
                    throw Problem.of(404, "unknown model " + FieldError.quote(model));
                  }
                  return state;
                })
            .compose(state -> registry.trials().list(model))
            .compose(trials -> seen(trials).map(sums -> json(model, trials, sums)));
    AdminRoutes.answer(rc, 200, answer);
  }

  private Future<Map<UUID, TrialPairs.Sums>> seen(List<Trial> trials) {
    List<UUID> ids = trials.stream().map(Trial::id).toList();
    return registry.audit().transaction(c -> TrialPairs.sums(c, ids));
  }

  private ObjectNode json(String model, List<Trial> trials, Map<UUID, TrialPairs.Sums> sums) {
    ObjectNode out = Answers.object().put("modelId", model).put("live", control.trialIsLive(model));
    ArrayNode list = out.putArray("trials");
    for (Trial trial : trials) {
      ObjectNode one = json(trial);
      one.set("seen", json(TrialFollower.sums(sums.get(trial.id()))));
      list.add(one);
    }
    return out;
  }

  private void start(RoutingContext rc) {
    String model = AdminRoutes.model(rc);
    Fields fields = Bodies.fields(rc);
    Trial.Kind kind = fields.word("kind", Trial.Kind.class);
    String version = AdminRoutes.version(fields);
    String ticket = fields.optional("ticket", 64);
    String reason = fields.required("reason", MAX_REASON);
    TrialBounds bounds = bounds(fields);
    if (kind == Trial.Kind.shadow && ticket != null) {
      fields.refuse("ticket", FieldError.quote(ticket) + " for a shadow, expected none");
    }
    fields.check();
    if (kind == null) {
      throw new IllegalStateException("refused above");
    }
    String actor = Guard.actor(rc);
    AdminRoutes.answer(
        rc,
        200,
        starter
            .start(new TrialStarter.Asked(model, kind, version, ticket, bounds, actor, reason))
            .map(TrialRoutes::json));
  }

  private static TrialBounds bounds(Fields fields) {
    TrialBounds preset = TrialBounds.DEFAULT;
    Long least = fields.number("leastPairs", TrialBounds.FIRST_LOOK, TrialBounds.MAX_PAIRS);
    Long errors = fields.number("maxErrors", 0, TrialBounds.MAX_PAIRS);
    Double disagreement = fields.share("maxDisagreement");
    Double difference = fields.share("maxMeanDifference");
    Long limitMs = fields.number("limitMs", 1_000, TrialBounds.MAX_LIMIT.toMillis());
    return new TrialBounds(
        least == null ? preset.leastPairs() : least.intValue(),
        errors == null ? preset.maxErrors() : errors.intValue(),
        disagreement == null ? preset.maxDisagreement() : disagreement,
        difference == null ? preset.maxMeanDifference() : difference,
        limitMs == null ? preset.limit() : Duration.ofMillis(limitMs));
  }

  private void stop(RoutingContext rc) {
    String model = AdminRoutes.model(rc);
    Future<ObjectNode> answer =
        registry
            .trials()
            .stop(model, Guard.actor(rc), AdminRoutes.Removal.of(rc).reason())
            .compose(ended -> control.refresh().otherwiseEmpty().map(json(ended)));
    AdminRoutes.answer(rc, 200, answer);
  }

  private static ObjectNode json(Trial t) {
    ObjectNode out =
        Answers.object()
            .put("n", t.n())
            .put("id", t.id().toString())
            .put("kind", t.kind().name())
            .put("version", t.version())
            .put("digest", t.digest())
            .put("baseVersion", t.baseVersion())
            .put("state", t.state().name())
            .put("actor", t.actor())
            .put("at", t.at().toString())
            .put("until", t.until().toString())
            .put("reason", t.reason())
            .put("auditId", t.auditId().toString())
            .put("leastPairs", t.bounds().leastPairs())
            .put("maxErrors", t.bounds().maxErrors())
            .put("maxDisagreement", t.bounds().maxDisagreement())
            .put("maxMeanDifference", t.bounds().maxMeanDifference());
    if (t.ticket() != null) {
      out.put("ticket", t.ticket());
    }
    Trial.@Nullable End end = t.end();
    if (end != null) {
      out.putObject("end")
          .put("actor", end.actor())
          .put("at", end.at().toString())
          .put("reason", end.reason())
          .put("auditId", end.auditId().toString());
    }
    return out;
  }

  private static ObjectNode json(TrialSums seen) {
    return Answers.object()
        .put("pairs", seen.pairs())
        .put("errors", seen.errors())
        .put("disagreements", seen.disagreements())
        .put("meanDifference", seen.meanDifference())
        .put("dropped", seen.dropped());
  }
}
