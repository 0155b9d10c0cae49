package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.RegistryException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What each revision of a Deployment would serve, from its ReplicaSets as {@code kubectl get
 * replicasets -o json} gives them and the artifacts of a registry.
 */
final class RolloutPlan {
  private static final String REVISION = "deployment.kubernetes.io/revision";
  private static final String CAUSE = "kubernetes.io/change-cause";
  private static final int MOST = 1_000; // revisions; revisionHistoryLimit is 10 where none is set

  private RolloutPlan() {}

  /**
   * An artifact that a revision pins.
   *
   * @param digest null where it cannot be served
   * @param fault why not; null where it can
   */
  record Pinned(String model, String version, @Nullable String digest, @Nullable String fault) {}

  /**
   * A revision.
   *
   * @param current the newest, which serves or is being rolled out
   * @param ready its replicas that are
   * @param mode null where the flag says it
   * @param pins empty where PostgreSQL's pointer says which version serves
   * @param fault why its pin cannot be read; null where it can
   */
  record Revision(
      int number,
      boolean current,
      int ready,
      String image,
      @Nullable String cause,
      @Nullable String mode,
      List<Pinned> pins,
      @Nullable String fault) {

    /** Whether all that it pins can be served. */
    boolean serves() {
      return fault == null && pins.stream().allMatch(p -> p.fault() == null);
    }

    ObjectNode json(ObjectNode to) {
      to.put("revision", number).put("current", current).put("readyReplicas", ready);
      to.put("image", image).put("changeCause", cause).put("mode", mode).put("fault", fault);
      to.put("model", pins.isEmpty() ? "by the pointer" : "pinned").put("serves", serves());
      for (Pinned pin : pins) {
        to.withArray("/pins")
            .addObject()
            .put("modelId", pin.model())
            .put("modelVersion", pin.version())
            .put("digest", pin.digest())
            .put("fault", pin.fault());
      }
      return to;
    }
  }

  /**
   * The revisions, newest first.
   *
   * @param deployment whose ReplicaSets count
   * @throws Failure when it is no list of ReplicaSets, or has none of that Deployment
   */
  static List<Revision> read(JsonNode list, String deployment, ArtifactStore store) {
    List<JsonNode> sets = replicaSets(list, deployment);
    int newest = sets.stream().mapToInt(RolloutPlan::number).max().orElseThrow();
    return sets.stream()
        .map(set -> revision(set, number(set) == newest, store))
        .sorted(Comparator.comparingInt(Revision::number).reversed())
        .toList();
  }

  private static List<JsonNode> replicaSets(JsonNode list, String deployment) {
    List<JsonNode> sets = new ArrayList<>();
    for (JsonNode item : list.path("items")) {
      boolean owned = false;
      for (JsonNode owner : item.path("metadata").path("ownerReferences")) {
        owned |=
            owner.path("kind").asText().equals("Deployment")
                && owner.path("name").asText().equals(deployment);
      }
      if (item.path("kind").asText().equals("ReplicaSet") && owned && number(item) > 0) {
        sets.add(item);
      }
    }
    if (sets.isEmpty() || sets.size() > MOST) {
      throw new Failure(
          Failure.USAGE,
          "the input is a "
              + list.path("kind").asText("text without a kind")
              + " with "
              + sets.size()
              + " ReplicaSets of deployment/"
              + deployment
              + ", expected 1 to "
              + MOST
              + ", as `kubectl get replicasets -o json` prints them");
    }
    return sets;
  }

  private static int number(JsonNode set) {
    String text = set.path("metadata").path("annotations").path(REVISION).asText();
    return text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : 0;
  }

  private static Revision revision(JsonNode set, boolean current, ArtifactStore store) {
    JsonNode container = container(set);
    Map<String, JsonNode> variables = new TreeMap<>();
    for (JsonNode variable : container.path("env")) {
      variables.put(variable.path("name").asText(), variable);
    }
    JsonNode pin = variables.get("ML_MODEL_VERSION");
    JsonNode mode = variables.get("ML_DECISION_MODE");
    String text = pin == null ? "" : pin.path("value").asText();
    String fault =
        pin != null && pin.has("valueFrom") ? "it is not in the ReplicaSet itself" : null;
    List<Pinned> pins = List.of();
    if (fault == null && !text.isEmpty()) {
      Map<String, String> versions = versions(text, store.models());
      pins = versions.entrySet().stream().map(e -> pinned(e, store)).toList();
      fault = versions.isEmpty() ? "'" + text + "', expected V, or model=V,model=V" : null;
    }
    return new Revision(
        number(set),
        current,
        set.path("status").path("readyReplicas").asInt(),
        container.path("image").asText("none"),
        set.path("metadata").path("annotations").path(CAUSE).textValue(),
        mode == null || mode.path("value").asText().isEmpty() ? null : mode.path("value").asText(),
        pins,
        fault == null ? null : "ML_MODEL_VERSION: " + fault);
  }

  /** The one that serves: it is named like the chart's, or alone. */
  private static JsonNode container(JsonNode set) {
    JsonNode containers = set.path("spec").path("template").path("spec").path("containers");
    for (JsonNode each : containers) {
      if (each.path("name").asText().equals("ml-service")) {
        return each;
      }
    }
    return containers.path(0);
  }

  /** By model, as the service reads the variable; empty where it would refuse it. */
  private static Map<String, String> versions(String text, List<String> models) {
    Map<String, String> versions = new LinkedHashMap<>();
    if (Names.isVersion(text)) {
      models.forEach(model -> versions.put(model, text));
      return versions;
    }
    for (String part : text.split(",", 64)) {
      String[] sides = part.split("=", 2);
      boolean good = sides.length == 2 && Names.isModel(sides[0]) && Names.isVersion(sides[1]);
      if (!good || versions.put(sides[0], sides[1]) != null) {
        return Map.of();
      }
    }
    return versions;
  }

  private static Pinned pinned(Map.Entry<String, String> pin, ArtifactStore store) {
    String model = pin.getKey();
    String version = pin.getValue();
    try {
      return new Pinned(model, version, store.load(model, version).digest(), null);
    } catch (RegistryException e) {
      return new Pinned(model, version, null, e.getMessage());
    }
  }
}
