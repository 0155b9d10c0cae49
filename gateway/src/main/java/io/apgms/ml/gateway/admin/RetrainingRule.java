package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.Alert;
import io.apgms.ml.registry.Retraining.Cause;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Which alerts ask for a retraining, and from when on: drift that has lasted, and a budget that
 * burns. Pure.
 */
final class RetrainingRule {
  private static final Map<String, Cause> CAUSES =
      Map.of(
          "MLInferenceDriftDetected", Cause.drift,
          "MLInferenceScoreDrift", Cause.drift,
          "MLInferenceErrorBudgetBurn", Cause.budget);

  private RetrainingRule() {}

  /**
   * An alert that asks for a retraining.
   *
   * @param opensAt from when on
   */
  record Due(Alert alert, String model, Cause cause, Instant opensAt) {}

  /**
   * Of each model the alert that asks first, by model.
   *
   * @param known the models there are; of others nothing is asked
   * @param driftAfter how long drift must have lasted
   */
  static List<Due> of(Collection<Alert> alerts, Set<String> known, Duration driftAfter) {
    Map<String, Due> first = new TreeMap<>();
    Comparator<Due> earlier =
        Comparator.comparing(Due::opensAt).thenComparing(d -> d.alert().fingerprint());
    for (Alert alert : alerts) {
      Cause cause = CAUSES.get(alert.name());
      String model = alert.model();
      if (cause == null || model == null || !alert.firing() || !known.contains(model)) {
        continue;
      }
      Duration after = cause == Cause.drift ? driftAfter : Duration.ZERO;
      Due due = new Due(alert, model, cause, alert.startsAt().plus(after));
      first.merge(model, due, (a, b) -> earlier.compare(a, b) <= 0 ? a : b);
    }
    return List.copyOf(first.values());
  }
}
