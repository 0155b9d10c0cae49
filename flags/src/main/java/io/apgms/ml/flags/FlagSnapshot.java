package io.apgms.ml.flags;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A flag as last fetched, in the format of Unleash's client features API (versions 1 and 2), ready
 * to be evaluated without I/O or locks.
 *
 * <p>It acts where the variant that is asked for ({@code act} of {@code ML_DECISION_MODE}) is
 * selected among those of the first strategy that matches, or among the flag's own where that has
 * none. A flag that is missing, disabled, or holds anything that is not understood here never acts:
 * strategies other than {@code default} and {@code flexibleRollout}, operators other than those of
 * {@link Constraint}, parent flags, overrides, and a random choice where the context has nothing to
 * be sticky on.
 */
record FlagSnapshot(List<Strategy> strategies, Variants variants) implements Flag {
  static final String FLAG = "ML_DECISION_MODE";

  /** Most strategies, constraints or values that one flag may have. */
  static final int MAX_ITEMS = 10_000;

  /** A stickiness: to the entity where there is one, else at random. */
  static final String DEFAULT = "default";

  /**
   * What is asked of a document.
   *
   * @param flag its name
   * @param variant the one that acts
   */
  record Asked(String flag, String variant) {
    static final Asked MODE = new Asked(FLAG, "act");
    static final Asked CANARY = new Asked(CanaryShare.FLAG, CanaryShare.VARIANT);

    private Variants none() {
      return new Variants(flag, DEFAULT, List.of());
    }

    private FlagSnapshot never() {
      return new FlagSnapshot(List.of(), none());
    }
  }

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
   * The flag that says whether decisions are acted upon, as {@link FlagDocument#parse} reads it.
   */
  static FlagSnapshot parse(String document) throws Malformed {
    return FlagDocument.parse(document).mode();
  }

  /** A flag of a document whose features all have names. */
  static FlagSnapshot of(JsonNode document, Asked asked) {
    for (JsonNode feature : document.path("features")) {
      if (feature.path("name").textValue().equals(asked.flag())) {
        return of(feature, document.path("segments"), asked);
      }
    }
    return asked.never();
  }

  private static FlagSnapshot of(JsonNode feature, JsonNode segments, Asked asked) {
    if (!feature.path("enabled").isBoolean() || !feature.path("enabled").booleanValue()) {
      return asked.never();
    }
    try {
      if (!items(feature, "dependencies").isEmpty()) {
        throw new NotUnderstood("dependencies");
      }
      List<Strategy> strategies = new ArrayList<>();
      for (JsonNode node : items(feature, "strategies")) {
        strategies.add(strategy(node, segments, asked));
      }
      if (strategies.isEmpty()) { // enabled for all
        strategies.add(new Strategy(List.of(), 100, asked.none()));
      }
      return new FlagSnapshot(strategies, own(items(feature, "variants"), asked));
    } catch (NotUnderstood e) {
      return asked.never();
    }
  }

  private static Strategy strategy(JsonNode node, JsonNode segments, Asked asked) {
    List<Constraint> constraints = new ArrayList<>(constraints(items(node, "constraints")));
    for (JsonNode id : items(node, "segments")) {
      constraints.addAll(constraints(items(segment(segments, id), "constraints")));
    }
    JsonNode parameters = node.path("parameters");
    String group = text(parameters, "groupId", asked.flag());
    String sticky = sticky(parameters);
    Variants variants = new Variants(group, sticky, choices(items(node, "variants"), asked));
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
  private static Variants own(List<JsonNode> nodes, Asked asked) {
    return nodes.isEmpty()
        ? asked.none()
        : new Variants(asked.flag(), sticky(nodes.get(0)), choices(nodes, asked));
  }

  private static List<Variant> choices(List<JsonNode> nodes, Asked asked) {
    List<Variant> choices = new ArrayList<>();
    for (JsonNode node : nodes) {
      if (!items(node, "overrides").isEmpty() || !node.path("weight").isInt()) {
        throw new NotUnderstood("variant");
      }
      int weight = Math.max(0, Math.min(1_000, node.path("weight").intValue()));
      choices.add(new Variant(text(node, "name", "").equals(asked.variant()), weight));
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
