package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.ext.web.Router;
import java.util.Comparator;

/** {@code GET /ml/models}: what is served and what it takes. */
final class ModelRoutes {
  private ModelRoutes() {}

  static void mount(Router router, Guard guard, ScoringRuntime runtime) {
    router
        .get("/ml/models")
        .handler(guard.anyone())
        .handler(
            rc -> {
              ObjectNode answer = Answers.object();
              ArrayNode models = answer.putArray("models");
              runtime.active().stream()
                  .sorted(Comparator.comparing(ServedModel::modelId))
                  .forEach(m -> models.add(json(m)));
              Answers.send(rc, 200, answer);
            });
    router
        .get("/ml/models/:modelId")
        .handler(guard.anyone())
        .handler(
            rc -> {
              ServedModel model = runtime.active(rc.pathParam("modelId"));
              if (model == null) {
                throw Problem.of(404, "unknown model " + FieldError.quote(rc.pathParam("modelId")));
              }
              Answers.send(rc, 200, json(model));
            });
  }

  private static ObjectNode json(ServedModel model) {
    ObjectNode out = Answers.object();
    out.put("modelId", model.modelId());
    out.put("version", model.version());
    out.put("digest", model.digest());
    out.put("threshold", model.threshold());
    ArrayNode features = out.putArray("features");
    for (Feature f : model.features()) {
      features
          .addObject()
          .put("name", f.name())
          .put("type", f.type().name())
          .put("min", f.min())
          .put("max", f.max())
          .put("nullable", f.nullable());
    }
    out.putObject("slo")
        .put("availability", model.slo().availability())
        .put("latencyMs", model.slo().latencyMs());
    return out;
  }
}
