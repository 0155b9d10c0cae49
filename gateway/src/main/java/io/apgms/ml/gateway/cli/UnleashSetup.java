package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Brings an Unleash server to what the gateway needs, by making what is missing and nothing else:
 * what is there, whoever made it and whatever it says, stays.
 *
 * <p>The strategy is made before its environment is switched on, since Unleash puts one of its own
 * into an environment that has none; and it is looked at as Unleash has stored it before that.
 */
final class UnleashSetup {
  private static final String FLAG = "ML_DECISION_MODE";
  private static final String TYPE = "operational";
  private static final int WHOLE = 1_000; // Unleash's weights are in thousandths
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, String> FIELDS =
      new TreeMap<>(
          Map.of(
              "modelId", "model that is asked to decide",
              "tenant", "tenant of the caller's token",
              "entityId", "whom the decision is about; rollouts stick to it"));

  /** What became of an item. */
  enum State {
    CREATED,
    UNCHANGED,
    KEPT
  }

  /**
   * @param what its kind and name
   * @param detail what was made, or what is there instead; empty where it is as it should be
   */
  record Item(String what, State state, String detail) {}

  private final UnleashAdmin admin;
  private final String feature;
  private final String features;
  private final String project;
  private final String environment;
  private final boolean dryRun;
  private final List<Item> items = new ArrayList<>();

  UnleashSetup(UnleashAdmin admin, String project, String environment, boolean dryRun) {
    this.admin = admin;
    this.project = project;
    this.environment = environment;
    this.dryRun = dryRun;
    this.features = "/projects/" + project + "/features";
    this.feature = features + "/" + FLAG;
  }

  /**
   * Makes what is missing; each item and what became of it.
   *
   * @throws Failure with exit code 1 where Unleash refuses, 3 where it cannot be asked
   */
  List<Item> run() {
    FIELDS.forEach(this::field);
    JsonNode found = flag();
    JsonNode in = found == null ? null : environmentOf(found);
    boolean made = strategy(in);
    enabled(in, made);
    return items;
  }

  private void add(String what, State state, String detail) {
    items.add(new Item(what, state, detail));
  }

  private void field(String name, String description) {
    String what = "context field " + name;
    JsonNode found = admin.find("/context/" + name);
    if (found == null) {
      if (!dryRun) {
        admin.post(
            "/context",
            JSON.createObjectNode()
                .put("name", name)
                .put("description", description)
                .put("stickiness", true));
      }
      add(what, State.CREATED, "one to stick to");
    } else if (found.path("stickiness").asBoolean()) {
      add(what, State.UNCHANGED, "");
    } else {
      add(what, State.KEPT, "nothing can stick to it, expected stickiness to be on");
    }
  }

  /** The flag as it is after this; null where a dry run would have made it. */
  private @Nullable JsonNode flag() {
    String what = "flag " + FLAG;
    JsonNode found = admin.find(feature);
    if (found == null) {
      add(what, State.CREATED, "type " + TYPE);
      if (dryRun) {
        return null;
      }
      admin.post(
          features,
          JSON.createObjectNode()
              .put("name", FLAG)
              .put("type", TYPE)
              .put("description", "Whether ml-service acts on its decisions, or only observes."));
      return admin.find(feature);
    }
    String type = found.path("type").asText();
    if (type.equals(TYPE)) {
      add(what, State.UNCHANGED, "");
    } else {
      add(what, State.KEPT, "type " + type + ", expected " + TYPE);
    }
    return found;
  }

  private JsonNode environmentOf(JsonNode flag) {
    List<String> names = new ArrayList<>();
    for (JsonNode e : flag.path("environments")) {
      if (e.path("name").asText().equals(environment)) {
        return e;
      }
      names.add(e.path("name").asText());
    }
    throw new Failure(
        Failure.NO,
        "project '"
            + project
            + "' has no environment '"
            + environment
            + "', expected one of "
            + names);
  }

  /** Whether there was none, so that it was made. */
  private boolean strategy(@Nullable JsonNode in) {
    String what = "strategy in " + environment;
    JsonNode found = in == null ? JSON.createArrayNode() : in.path("strategies");
    if (found.isEmpty()) {
      add(what, State.CREATED, "everybody observes, sticks to entityId");
      if (!dryRun) {
        String path = feature + "/environments/" + environment + "/strategies";
        requireObserve(admin.post(path, wanted()));
      }
      return true;
    }
    if (found.size() == 1 && isWanted(found.get(0))) {
      add(what, State.UNCHANGED, "");
    } else {
      add(what, State.KEPT, told(found));
    }
    return false;
  }

  /** Where act has a weight that varies, Unleash gives it half. */
  private static ObjectNode wanted() {
    ObjectNode strategy = JSON.createObjectNode().put("name", "flexibleRollout");
    strategy
        .putObject("parameters")
        .put("rollout", "100")
        .put("stickiness", "entityId")
        .put("groupId", FLAG);
    strategy.putArray("constraints");
    strategy.putArray("variants").add(variant("observe", WHOLE, "variable"));
    strategy.withArray("variants").add(variant("act", 0, "fix"));
    return strategy;
  }

  private static ObjectNode variant(String name, int weight, String weightType) {
    return JSON.createObjectNode()
        .put("name", name)
        .put("weight", weight)
        .put("weightType", weightType)
        .put("stickiness", "entityId");
  }

  private static boolean isWanted(JsonNode strategy) {
    JsonNode parameters = strategy.path("parameters");
    return strategy.path("name").asText().equals("flexibleRollout")
        && !strategy.path("disabled").asBoolean()
        && strategy.path("constraints").isEmpty()
        && strategy.path("segments").isEmpty()
        && parameters.path("rollout").asText().equals("100")
        && parameters.path("stickiness").asText().equals("entityId")
        && weight(strategy, "observe") == WHOLE
        && weight(strategy, "act") == 0;
  }

  private static int weight(JsonNode strategy, String variant) {
    for (JsonNode v : strategy.path("variants")) {
      if (v.path("name").asText().equals(variant)) {
        return v.path("weight").asInt();
      }
    }
    return -1;
  }

  private static void requireObserve(JsonNode stored) {
    if (weight(stored, "act") != 0 || weight(stored, "observe") != WHOLE) {
      throw new Failure(
          Failure.NO,
          "Unleash stored " + told(stored) + ", expected observe 1000 and act 0; not switched on");
    }
  }

  private static String told(JsonNode strategies) {
    List<String> each = new ArrayList<>();
    for (JsonNode s : strategies.isArray() ? strategies : JSON.createArrayNode().add(strategies)) {
      StringBuilder text = new StringBuilder(s.path("name").asText());
      String rollout = s.path("parameters").path("rollout").asText("");
      text.append(rollout.isEmpty() ? "" : " " + rollout + " %");
      for (JsonNode v : s.path("variants")) {
        text.append(", ").append(v.path("name").asText());
        text.append(' ').append(v.path("weight").asInt());
      }
      for (JsonNode c : s.path("constraints")) {
        text.append(", where ").append(c.path("contextName").asText());
        text.append(' ').append(c.path("operator").asText());
      }
      each.add(text.toString());
    }
    return String.join("; ", each);
  }

  /** One that is off over a strategy it did not make may be the kill switch, pulled. */
  private void enabled(@Nullable JsonNode in, boolean strategyMade) {
    String what = "environment " + environment;
    if (in != null && in.path("enabled").asBoolean()) {
      add(what, State.UNCHANGED, "");
    } else if (strategyMade) {
      add(what, State.CREATED, "switched on");
      if (!dryRun) {
        admin.post(feature + "/environments/" + environment + "/on", JSON.createObjectNode());
      }
    } else {
      add(what, State.KEPT, "switched off; who pulled this switch puts it back");
    }
  }
}
