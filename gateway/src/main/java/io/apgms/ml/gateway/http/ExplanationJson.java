package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.decision.Decided;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code explanation} and {@code contributions}, the same in an answer and when shown again. */
final class ExplanationJson {
  private ExplanationJson() {}

  /** Contributions by name where the schema is known, as it is while any version is loaded. */
  static void put(ObjectNode out, Explanation explanation, List<Feature> features) {
    out.putObject("explanation")
        .put("method", Explanation.METHOD)
        .put("baseline", explanation.baseline())
        .put("standardError", explanation.standardError())
        .put("rowsScored", explanation.rowsScored());
    if (features.size() != explanation.contributions().length) {
      return;
    }
    ObjectNode contributions = out.putObject("contributions");
    for (int i = 0; i < features.size(); i++) {
      contributions.put(features.get(i).name(), explanation.contribution(i));
    }
  }

  /** The schema of a version, or of the active one: the versions of a model share it. */
  static List<Feature> features(ScoringRuntime runtime, String modelId, String version) {
    ServedModel model = runtime.loaded(modelId, version);
    model = model == null ? runtime.active(modelId) : model;
    return model == null ? List.of() : model.features();
  }

  /** An answer with its explanation, in UTF-8: names of features are any text. */
  static byte[] append(
      String answer, Decided decided, Explanation explanation, ScoringRuntime runtime) {
    ObjectNode more = Answers.object();
    put(more, explanation, features(runtime, decided.modelId(), decided.modelVersion()));
    String head = answer.substring(0, answer.length() - 1); // both are objects with fields
    return (head + "," + more.toString().substring(1)).getBytes(StandardCharsets.UTF_8);
  }
}
