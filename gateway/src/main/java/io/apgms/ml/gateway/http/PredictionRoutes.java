package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.ActionView;
import io.apgms.ml.feedback.Decision;
import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.LabelView;
import io.apgms.ml.feedback.Page;
import io.apgms.ml.feedback.PredictionQuery;
import io.apgms.ml.feedback.PredictionView;
import io.apgms.ml.gateway.decision.Explanations;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoringRuntime;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** {@code GET /ml/predictions}: what was decided, by what, in which mode, and what became of it. */
final class PredictionRoutes {
  private static final Set<String> FILTERS =
      Set.of("modelId", "modelVersion", "from", "to", "enforced", "entityId", "limit", "cursor");
  private static final int UUID_V7 = 7;

  private final DecisionLog log;
  private final ScoringRuntime runtime;

  private PredictionRoutes(DecisionLog log, ScoringRuntime runtime) {
    this.log = log;
    this.runtime = runtime;
  }

  static void mount(Router router, Guard guard, DecisionLog log, ScoringRuntime runtime) {
    PredictionRoutes routes = new PredictionRoutes(log, runtime);
    router.get("/ml/predictions").handler(guard.staff()).handler(routes::list);
    router.get("/ml/predictions/:predictionId").handler(guard.staff()).handler(routes::one);
  }

  private void one(RoutingContext rc) {
    String text = rc.pathParam("predictionId");
    UUID id = Fields.parseUuid(text);
    if (id == null || id.version() != UUID_V7) {
      throw Problem.of(404, "no prediction with id " + FieldError.quote(text));
    }
    log.prediction(id).onFailure(rc::fail).onSuccess(view -> Answers.send(rc, 200, json(view)));
  }

  private void list(RoutingContext rc) {
    Params params = new Params(rc, FILTERS);
    PredictionQuery query =
        new PredictionQuery(
            params.text("modelId"),
            params.text("modelVersion"),
            params.time("from"),
            params.time("to"),
            params.flag("enforced"),
            params.text("entityId"),
            params.limit(),
            params.text("cursor"));
    params.check();
    log.predictions(query).onFailure(rc::fail).onSuccess(page -> Answers.send(rc, 200, json(page)));
  }

  private ObjectNode json(Page<PredictionView> page) {
    ObjectNode out = Answers.object();
    ArrayNode items = out.putArray("predictions");
    page.items().forEach(view -> items.add(json(view)));
    out.put("nextCursor", page.nextCursor());
    return out;
  }

  private ObjectNode json(PredictionView view) {
    Decision d = view.decision();
    ObjectNode out =
        Answers.object()
            .put("predictionId", d.id().toString())
            .put("decidedAt", d.at().toString())
            .put("modelId", d.modelId())
            .put("modelVersion", d.modelVersion())
            .put("modelDigest", d.modelDigest())
            .put("score", d.score())
            .put("threshold", d.threshold())
            .put("recommendation", d.review() ? "review" : "allow");
    ObjectNode decision = out.putObject("decision");
    decision.put("mode", d.act() ? "act" : "observe");
    decision.put("action", d.review() ? "hold" : "none");
    decision.put("enforced", d.enforced());
    decision.put("modeSource", d.modeSource());
    decision.put("flagAgeMs", d.flagAgeMs() < 0 ? null : d.flagAgeMs());
    decision.put("actionState", view.actionState());
    List<Feature> features = ExplanationJson.features(runtime, d.modelId(), d.modelVersion());
    putInputs(out, d, features);
    Explanation explanation = Explanations.of(d);
    if (explanation != null) {
      ExplanationJson.put(out, explanation, features);
    }
    out.put("requestId", d.requestId());
    out.put("entityId", d.entityId());
    List<LabelView> labels = view.labels();
    List<ActionView> actions = view.actions();
    if (actions != null) {
      ArrayNode list = out.putArray("actions");
      actions.forEach(action -> list.add(ActionJson.of(action)));
    }
    if (labels == null) {
      out.putNull("labels");
    } else {
      ArrayNode list = out.putArray("labels");
      labels.forEach(label -> list.add(FeedbackRoutes.json(label)));
    }
    return out;
  }

  /** By name where the version's schema is loaded; both versions of a model share one. */
  private static void putInputs(ObjectNode out, Decision d, List<Feature> features) {
    if (features.size() != d.features().length) {
      return;
    }
    ObjectNode inputs = out.putObject("inputs");
    for (int i = 0; i < d.features().length; i++) {
      float value = d.features()[i];
      inputs.put(features.get(i).name(), Float.isNaN(value) ? null : value);
    }
  }
}
