package io.apgms.ml.gateway.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.admin.RetrainingRule.Due;
import io.apgms.ml.registry.Alert;
import io.apgms.ml.registry.Retraining.Cause;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RetrainingRuleTest {
  private static final Instant START = Instant.parse("2026-11-24T22:00:00Z");
  private static final Duration TWO_HOURS = Duration.ofHours(2);

  private static Alert alert(String name, String model, Instant startsAt) {
    Map<String, String> labels = new HashMap<>(Map.of("alertname", name));
    if (model != null) {
      labels.put("model", model);
    }
    return new Alert(Integer.toHexString(labels.hashCode()), startsAt, null, labels, null);
  }

  private static List<Due> due(Alert... alerts) {
    return RetrainingRule.of(List.of(alerts), Set.of("m", "n"), TWO_HOURS);
  }

  @Test
  void of_driftAndBudget_askAfterTwoHoursAndAtOnce() {
    assertThat(due(alert("MLInferenceDriftDetected", "m", START)))
        .extracting(Due::cause, Due::opensAt)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(Cause.drift, START.plusSeconds(7_200)));
    assertThat(due(alert("MLInferenceScoreDrift", "m", START)))
        .extracting(Due::cause)
        .containsExactly(Cause.drift);
    assertThat(due(alert("MLInferenceErrorBudgetBurn", "m", START)))
        .extracting(Due::cause, Due::opensAt)
        .containsExactly(org.assertj.core.groups.Tuple.tuple(Cause.budget, START));
  }

  @Test
  void of_manyOfOneModel_isTheFirstThatAsks() {
    assertThat(
            due(
                alert("MLInferenceDriftDetected", "m", START.plusSeconds(9)),
                alert("MLInferenceScoreDrift", "m", START),
                alert("MLInferenceErrorBudgetBurn", "n", START),
                alert("MLInferenceDriftDetected", "n", START.minusSeconds(7_201))))
        .extracting(Due::model, d -> d.alert().name())
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("m", "MLInferenceScoreDrift"),
            org.assertj.core.groups.Tuple.tuple("n", "MLInferenceDriftDetected"));
  }

  @Test
  void of_anythingElse_asksForNothing() {
    Alert ended =
        new Alert(
            "ab",
            START,
            START.plusSeconds(1),
            Map.of("alertname", "MLInferenceDriftDetected", "model", "m"),
            null);
    assertThat(
            due(
                ended,
                alert("MLInferenceFastBurn", "m", START),
                alert("MLInferenceDriftDetected", "nobody", START),
                alert("MLInferenceDriftDetected", null, START)))
        .isEmpty();
  }
}
