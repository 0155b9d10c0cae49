package io.apgms.ml.flags;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The flag {@code ML_DECISION_MODE} as last fetched, in the format of Unleash's client features API
 * (versions 1 and 2), ready to be evaluated without I/O or locks.
 *
 * <p>It acts where the variant {@code act} is selected among those of the first strategy that
 * matches, or among the flag's own where that has none. A flag that is missing, disabled, or holds
 * anything that is not understood here never acts: strategies other than {@code default} and {@code
 * flexibleRollout}, operators other than those of {@link Constraint}, parent flags, overrides, and
 * a random choice where the context has nothing to be sticky on.
 */
record FlagSnapshot(List<Strategy> strategies, Variants variants) implements Flag {
  static final String FLAG = "ML_DECISION_MODE";

  /** Most strategies, constraints or values that one flag may have. */
  static final int MAX_ITEMS = 10_000;

  /** A stickiness: to the entity where there is one, else at random. */
  static final String DEFAULT = "default";

  private static final String ACT = "act";
  private static final Variants NO_VARIANTS = new Variants(FLAG, DEFAULT, List.of());
  private static final FlagSnapshot NEVER = new FlagSnapshot(List.of(), NO_VARIANTS);
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  FlagSnapshot {
    strategies = List.copyOf(strategies);
  }

  /** A flag that was readable JSON but not a client-features document. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1L;

    Malformed(String message) {
      super(message);
    }
  }

  /** A part of the flag that this evaluator has no rule for. */
  private static final class NotUnderstood extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotUnderstood(String what) {
      super(what, null, false, false);
    }
  }

  @Override
  public boolean canAct() {
    return !strategies.isEmpty()
        && (variants.canAct() || strategies.stream().anyMatch(s -> s.variants().canAct()));
  }

  @Override
  public Word said(FlagContext context) {
    for (Strategy strategy : strategies) {
      if (strategy.isDrawn(context)) {
        return Word.OFF; // nor what comes after: Unleash may never get there
      }
      if (strategy.matches(context)) {
        boolean none = strategy.variants().choices().isEmpty();
        Variants of = none ? variants : strategy.variants();
        return of.acts(context) ? Word.ACT : Word.OBSERVE;
      }
    }
    return Word.OFF;
  }

  boolean acts(FlagContext context) {
    return said(context) == Word.ACT;
  }

  /**
   * Reads a client-features document.
   *
   * @throws Malformed for anything but a JSON object with a {@code features} array of objects
   */
  static FlagSnapshot parse(String document) throws Malformed {
    JsonNode root;
    try {
      root = JSON.readTree(document);
    } catch (JsonProcessingException e) {
      throw new Malformed("the flags are not JSON: " + e.getOriginalMessage());
    }
    JsonNode features = root.path("features");
    if (!features.isArray()) {
      throw new Malformed("features is " + features.getNodeType() + ", expected an array");
    }
    for (JsonNode feature : features) {
      if (!feature.path("name").isTextual()) {
        throw new Malformed("a feature has no name, expected a text");
      }
      if (feature.path("name").textValue().equals(FLAG)) {
        return of(feature, root.path("segments"));
      }
    }
    return NEVER;
  }

  private static FlagSnapshot of(JsonNode feature, JsonNode segments) {
    if (!feature.path("enabled").isBoolean() || !feature.path("enabled").booleanValue()) {
      return NEVER;
    }
    try {
      if (!items(feature, "dependencies").isEmpty()) {
        throw new NotUnderstood("dependencies");
      }
      List<Strategy> strategies = new ArrayList<>();
      for (JsonNode node : items(feature, "strategies")) {
        strategies.add(strategy(node, segments));
      }
      if (strategies.isEmpty()) { // enabled for all
        strategies.add(new Strategy(List.of(), 100, NO_VARIANTS));
      }
      return new FlagSnapshot(strategies, own(items(feature, "variants")));
    } catch (NotUnderstood e) {
      return NEVER;
    }
  }

  private static Strategy strategy(JsonNode node, JsonNode segments) {
    List<Constraint> constraints = new ArrayList<>(constraints(items(node, "constraints")));
    for (JsonNode id : items(node, "segments")) {
      constraints.addAll(constraints(items(segment(segments, id), "constraints")));
    }
    JsonNode parameters = node.path("parameters");
    String group = text(parameters, "groupId", FLAG);
    String sticky = sticky(parameters);
    Variants variants = new Variants(group, sticky, choices(items(node, "variants")));
    return switch (text(node, "name", "")) {
      case "default" -> new Strategy(constraints, 100, variants);
      case "flexibleRollout" ->
          new Strategy(constraints, percentage(parameters.path("rollout")), variants);
      default -> throw new NotUnderstood("strategy");
    };
  }

  private static JsonNode segment(JsonNode segments, JsonNode id) {
    for (JsonNode segment : segments) {
      if (segment.path("id").isInt() && segment.path("id").equals(id)) {
        return segment;
      }
    }
    throw new NotUnderstood("segment");
  }

  private static List<Constraint> constraints(List<JsonNode> nodes) {
    List<Constraint> constraints = new ArrayList<>();
    for (JsonNode node : nodes) {
      List<String> values = new ArrayList<>();
      items(node, "values").forEach(v -> values.add(v.asText()));
      constraints.add(
          new Constraint(
              field(text(node, "contextName", "")),
              operator(text(node, "operator", "")),
              values,
              node.path("inverted").asBoolean(false),
              node.path("caseInsensitive").asBoolean(false)));
    }
    return constraints;
  }

  private static Constraint.Operator operator(String name) {
    try {
      return Constraint.Operator.valueOf(name);
    } catch (IllegalArgumentException e) {
      throw new NotUnderstood("operator");
    }
  }

  /** The flag's own variants say themselves what they stick to; a strategy's go by its word. */
  private static Variants own(List<JsonNode> nodes) {
    return nodes.isEmpty() ? NO_VARIANTS : new Variants(FLAG, sticky(nodes.get(0)), choices(nodes));
  }

  private static List<Variant> choices(List<JsonNode> nodes) {
    List<Variant> choices = new ArrayList<>();
    for (JsonNode node : nodes) {
      if (!items(node, "overrides").isEmpty() || !node.path("weight").isInt()) {
        throw new NotUnderstood("variant");
      }
      int weight = Math.max(0, Math.min(1_000, node.path("weight").intValue()));
      choices.add(new Variant(text(node, "name", "").equals(ACT), weight));
    }
    return choices;
  }

  private static int percentage(JsonNode rollout) {
    String text = rollout.asText();
    if (!text.matches("[0-9]{1,3}") || Integer.parseInt(text) > 100) {
      throw new NotUnderstood("rollout");
    }
    return Integer.parseInt(text);
  }

  private static String sticky(JsonNode node) {
    String name = text(node, "stickiness", DEFAULT);
    return name.equals(DEFAULT) ? name : field(name);
  }

  /** A field of the context; only those this service fills. */
  private static String field(String name) {
    if (!Set.of("modelId", "tenant", "entityId", "userId").contains(name)) {
      throw new NotUnderstood("context field");
    }
    return name;
  }

  private static String text(JsonNode node, String field, String otherwise) {
    JsonNode value = node.path(field);
    return value.isTextual() ? value.textValue() : otherwise;
  }

  private static List<JsonNode> items(JsonNode node, String field) {
    JsonNode array = node.path(field);
    if (array.isMissingNode() || array.isNull()) {
      return List.of();
    }
    if (!array.isArray() || array.size() > MAX_ITEMS) {
      throw new NotUnderstood(field);
    }
    List<JsonNode> items = new ArrayList<>();
    array.forEach(items::add);
    return items;
  }

  /**
   * @param rollout per cent of the values that the variants stick to
   * @param variants its own; where it has none, still what it is spread by
   */
  record Strategy(List<Constraint> constraints, int rollout, Variants variants) {
    Strategy {
      constraints = List.copyOf(constraints);
    }

    private boolean concerns(FlagContext context) {
      for (Constraint constraint : constraints) {
        if (!constraint.holds(context)) {
          return false;
        }
      }
      return true;
    }

    /** Whether Unleash would draw at random. */
    boolean isDrawn(FlagContext context) {
      return rollout > 0
          && rollout < 100
          && variants.sticky().equals(DEFAULT)
          && context.field(DEFAULT) == null
          && concerns(context);
    }

    boolean matches(FlagContext context) {
      if (!concerns(context)) {
        return false;
      }
      @Nullable String value = context.field(variants.sticky());
      if (value == null) { // as Unleash has it: all of them only where it would draw at random
        return rollout == 100 && (variants.sticky().equals(DEFAULT) || context.whoever());
      }
      return rollout > 0 && Bucket.rollout(variants.group(), value) <= rollout;
    }
  }

  /**
   * @param group what the sticky values are spread by
   */
  record Variants(String group, String sticky, List<Variant> choices) {
    Variants {
      choices = List.copyOf(choices);
    }

    boolean canAct() {
      return choices.stream().anyMatch(v -> v.act() && v.weight() > 0);
    }

    boolean acts(FlagContext context) {
      if (!canAct()) {
        return false;
      }
      if (choices.stream().allMatch(v -> v.act() || v.weight() == 0)) {
        return true;
      }
      @Nullable String value = context.field(sticky);
      if (value == null) {
        return false; // Unleash would draw at random
      }
      int target = Bucket.variant(group, value, choices.stream().mapToInt(Variant::weight).sum());
      int seen = 0;
      for (Variant variant : choices) {
        seen += variant.weight();
        if (seen >= target) {
          return variant.act();
        }
      }
      return false;
    }
  }

  /**
   * @param weight in thousandths
   */
  record Variant(boolean act, int weight) {}
}
