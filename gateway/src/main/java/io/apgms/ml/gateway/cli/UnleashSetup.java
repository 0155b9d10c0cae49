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
  private static final Wanted MODE =
      new Wanted(
          "ML_DECISION_MODE",
          "Whether ml-service acts on its decisions, or only observes.",
          "observe",
          "act",
          "everybody observes");
  private static final Wanted CANARY =
      new Wanted(
          "ML_CANARY",
          "Whose decisions ml-service lets a version on trial make.",
          "active",
          "canary",
          "nobody gets a canary");
  private static final String TYPE = "operational";
  private static final int WHOLE = 1_000; // Unleash's weights are in thousandths
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, String> FIELDS =
      new TreeMap<>(
          Map.of(
              "modelId", "model that is asked to decide",
              "tenant", "tenant of the caller's token",
              "entityId", "whom the decision is about; rollouts stick to it"));

  /**
   * A flag as it is made.
   *
   * @param whole the variant of everybody
   * @param none the variant of nobody
   */
  private record Wanted(
      String flag, String description, String whole, String none, String detail) {}

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
  }

  /**
   * Makes what is missing; each item and what became of it.
   *
   * @throws Failure with exit code 1 where Unleash refuses, 3 where it cannot be asked
   */
  List<Item> run() {
    FIELDS.forEach(this::field);
    flag(MODE);
    flag(CANARY);
    return items;
  }

  private void flag(Wanted wanted) {
    JsonNode found = found(wanted);
    JsonNode in = found == null ? null : environmentOf(found);
    boolean made = strategy(wanted, in);
    enabled(wanted, in, made);
  }

  private String path(Wanted wanted) {
    return features + "/" + wanted.flag();
  }

  private String environmentPath(Wanted wanted) {
    return path(wanted) + "/environments/" + environment;
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
  private @Nullable JsonNode found(Wanted wanted) {
    String what = "flag " + wanted.flag();
    JsonNode found = admin.find(path(wanted));
    if (found == null) {
      add(what, State.CREATED, "type " + TYPE);
      if (dryRun) {
        return null;
      }
      admin.post(
          features,
          JSON.createObjectNode()
              .put("name", wanted.flag())
              .put("type", TYPE)
              .put("description", wanted.description()));
      return admin.find(path(wanted));
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
  private boolean strategy(Wanted wanted, @Nullable JsonNode in) {
    String what = wanted.flag() + " in " + environment;
    JsonNode found = in == null ? JSON.createArrayNode() : in.path("strategies");
    if (found.isEmpty()) {
      add(what, State.CREATED, wanted.detail() + ", sticks to entityId");
      if (!dryRun) {
        requireWanted(wanted, admin.post(environmentPath(wanted) + "/strategies", json(wanted)));
      }
      return true;
    }
    if (found.size() == 1 && isWanted(wanted, found.get(0))) {
      add(what, State.UNCHANGED, "");
    } else {
      add(what, State.KEPT, told(found));
    }
    return false;
  }

  /** Where the variant of nobody has a weight that varies, Unleash gives it half. */
  private static ObjectNode json(Wanted wanted) {
    ObjectNode strategy = JSON.createObjectNode().put("name", "flexibleRollout");
    strategy
        .putObject("parameters")
        .put("rollout", "100")
        .put("stickiness", "entityId")
        .put("groupId", wanted.flag());
    strategy.putArray("constraints");
    strategy.putArray("variants").add(variant(wanted.whole(), WHOLE, "variable"));
    strategy.withArray("variants").add(variant(wanted.none(), 0, "fix"));
    return strategy;
  }

  private static ObjectNode variant(String name, int weight, String weightType) {
    return JSON.createObjectNode()
        .put("name", name)
        .put("weight", weight)
        .put("weightType", weightType)
        .put("stickiness", "entityId");
  }

  private static boolean isWanted(Wanted wanted, JsonNode strategy) {
    JsonNode parameters = strategy.path("parameters");
    return strategy.path("name").asText().equals("flexibleRollout")
        && !strategy.path("disabled").asBoolean()
        && strategy.path("constraints").isEmpty()
        && strategy.path("segments").isEmpty()
        && parameters.path("rollout").asText().equals("100")
        && parameters.path("stickiness").asText().equals("entityId")
        && weight(strategy, wanted.whole()) == WHOLE
        && weight(strategy, wanted.none()) == 0;
  }

  private static int weight(JsonNode strategy, String variant) {
    for (JsonNode v : strategy.path("variants")) {
      if (v.path("name").asText().equals(variant)) {
        return v.path("weight").asInt();
      }
    }
    return -1;
  }

  private static void requireWanted(Wanted wanted, JsonNode stored) {
    if (weight(stored, wanted.none()) != 0 || weight(stored, wanted.whole()) != WHOLE) {
      throw new Failure(
          Failure.NO,
          "Unleash stored "
              + told(stored)
              + ", expected "
              + wanted.whole()
              + " 1000 and "
              + wanted.none()
              + " 0; not switched on");
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
  private void enabled(Wanted wanted, @Nullable JsonNode in, boolean strategyMade) {
    String what = wanted.flag() + " on in " + environment;
    if (in != null && in.path("enabled").asBoolean()) {
      add(what, State.UNCHANGED, "");
    } else if (strategyMade) {
      add(what, State.CREATED, "switched on");
      if (!dryRun) {
        admin.post(environmentPath(wanted) + "/on", JSON.createObjectNode());
      }
    } else {
      add(what, State.KEPT, "switched off; who pulled this switch puts it back");
    }
  }
}
