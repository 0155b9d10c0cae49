package io.apgms.ml.flags;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Random flags within what the evaluator understands, and contexts to ask about. */
final class Rollouts {
  private static final List<String> OPERATORS =
      List.of("IN", "NOT_IN", "STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH");
  private static final List<String> FIELDS = List.of("modelId", "tenant", "entityId", "userId");
  private static final List<String> STICKY = List.of("default", "entityId", "tenant", "userId");
  private static final List<String> VALUES =
      List.of("risk-score", "credit-default", "t1", "T1", "t2", "Zürich", "-", "1", "core");

  private final SplittableRandom random;

  Rollouts(SplittableRandom random) {
    this.random = random;
  }

  static FlagContext context(FlagContext same) {
    return same;
  }

  FlagContext nextContext() {
    return new FlagContext(
        pick(List.of("risk-score", "credit-default", "Core-1")),
        pick(List.of("t1", "T1", "t2", "Zürich")),
        entity());
  }

  private String entity() {
    return switch (random.nextInt(10)) {
      case 0 -> pick(VALUES);
      case 1 -> null;
      default -> "entity-" + random.nextInt(100_000);
    };
  }

  String document() {
    return """
        {"version":2,"features":[{"name":"ML_DECISION_MODE","type":"release","enabled":%s,\
        "strategies":[%s],"variants":%s}],"segments":[{"id":1,"constraints":[%s]}]}"""
        .formatted(
            random.nextInt(20) > 0,
            list(random.nextInt(4), this::strategy),
            random.nextBoolean() ? "[]" : variants(),
            list(random.nextInt(2), this::constraint));
  }

  private String strategy() {
    String parameters =
        random.nextInt(4) == 0
            ? "{\"name\":\"default\",\"parameters\":{}"
            : """
              {"name":"flexibleRollout","parameters":{"rollout":"%d","stickiness":"%s",\
              "groupId":"%s"}"""
                .formatted(percent(), pick(STICKY), pick(List.of("g", "ML_DECISION_MODE", "é")));
    return parameters
        + ",\"constraints\":["
        + list(random.nextInt(3), this::constraint)
        + "],\"segments\":"
        + (random.nextInt(4) == 0 ? "[1]" : "[]")
        + ",\"variants\":"
        + (random.nextInt(4) == 0 ? "[]" : variants())
        + "}";
  }

  private int percent() {
    return switch (random.nextInt(4)) {
      case 0 -> 100;
      case 1 -> 0;
      default -> random.nextInt(101);
    };
  }

  private String variants() {
    String sticky = pick(STICKY);
    return "["
        + list(
            1 + random.nextInt(3),
            () ->
                "{\"name\":\"%s\",\"weight\":%d,\"stickiness\":\"%s\"}"
                    .formatted(
                        pick(List.of("act", "observe", "other")), 1 + random.nextInt(1000), sticky))
        + "]";
  }

  private String constraint() {
    return """
        {"contextName":"%s","operator":"%s","values":[%s],"inverted":%s,"caseInsensitive":%s}"""
        .formatted(
            pick(FIELDS),
            pick(OPERATORS),
            list(1 + random.nextInt(4), () -> '"' + pick(VALUES) + '"'),
            random.nextInt(4) == 0,
            random.nextBoolean());
  }

  private <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }

  private static String list(int n, java.util.function.Supplier<String> item) {
    return IntStream.range(0, n).mapToObj(i -> item.get()).collect(Collectors.joining(","));
  }
}
