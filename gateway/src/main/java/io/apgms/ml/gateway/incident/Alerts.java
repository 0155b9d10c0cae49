package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The alerts and the error budget of a reading. */
final class Alerts {
  private static final Set<String> BURNS =
      Set.of(
          "MLInferenceFastBurn",
          "MLInferenceSlowBurn",
          "MLInferenceBudgetLeak",
          "MLInferenceErrorBudgetBurn");

  /**
   * A time in which an alert fired.
   *
   * @param until null where it still does
   */
  record Firing(String name, String severity, Instant since, @Nullable Instant until) {}

  private Alerts() {}

  /** All of them, in the order in which they began. */
  static List<Firing> all(Reading reading) {
    List<Firing> all = new ArrayList<>();
    Grid grid = reading.grid();
    Duration gap = grid.step().plus(grid.step().dividedBy(2));
    for (Track track : reading.of(Series.ALERTS)) {
      Instant since = null;
      Instant last = null;
      for (Map.Entry<Instant, Double> point : track.points().entrySet()) {
        Instant at = point.getKey();
        if (since == null || last == null || last.plus(gap).isBefore(at)) {
          add(all, track, since, last);
          since = at;
        }
        last = at;
      }
      boolean still = last != null && !last.isBefore(grid.to().minus(gap));
      add(all, track, since, still ? null : last);
    }
    all.sort(Comparator.comparing(Firing::since));
    return all;
  }

  private static void add(
      List<Firing> all, Track track, @Nullable Instant since, @Nullable Instant until) {
    if (since != null) {
      all.add(firing(track, since, until));
    }
  }

  private static Firing firing(Track track, Instant since, @Nullable Instant until) {
    return new Firing(track.label("alertname"), track.label("severity"), since, until);
  }

  static List<Situation.Alert> firing(Reading reading) {
    return all(reading).stream()
        .filter(f -> f.until() == null)
        .map(f -> new Situation.Alert(f.name(), f.severity(), f.since()))
        .toList();
  }

  static Situation.Budget budget(Reading reading) {
    Map<String, Double> burn = new TreeMap<>();
    for (Track track : reading.of(Series.BURN)) {
      if (!track.points().isEmpty()) {
        burn.put(track.label("window"), track.points().lastEntry().getValue());
      }
    }
    return new Situation.Budget(reading.last(Series.BUDGET, Reading.ALL), burn);
  }

  /** Whether an alert tells of a symptom. */
  static boolean tells(String alert, Symptom symptom) {
    return switch (symptom) {
      case ERRORS ->
          BURNS.contains(alert)
              || Set.of(
                      "MLInferenceErrors",
                      "MLPromotionWatchErrors",
                      "MLInferenceInvalidOutput",
                      "MLServiceDown",
                      "MLServiceAbsent")
                  .contains(alert);
      case LATENCY ->
          BURNS.contains(alert)
              || Set.of("MLInferenceLatencyHigh", "MLPromotionWatchLatency").contains(alert);
      case DRIFT -> Set.of("MLInferenceDriftDetected", "MLInferenceScoreDrift").contains(alert);
    };
  }
}
