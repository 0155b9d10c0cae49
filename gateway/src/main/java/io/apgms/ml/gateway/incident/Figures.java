package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What a model did in a window, by its metrics. Counts are Prometheus' increases, which it
 * extrapolates to the window's ends.
 *
 * @param failed ended in an error or a refusal of ours
 * @param late answered over the latency's bound
 * @param p95Ms NaN of no answers
 * @param reviews decisions that recommend a review
 * @param modes decisions by mode
 */
public record Figures(
    Instant from,
    Instant to,
    double requests,
    double failed,
    double late,
    double p95Ms,
    double p99Ms,
    double decisions,
    double reviews,
    double enforced,
    Map<String, Double> modes) {

  /**
   * Of the window before the reading's time.
   *
   * @param version null for all of them
   */
  public static Figures of(Reading whole, Bounds bounds, @Nullable String version) {
    Instant at = whole.grid().to();
    Predicate<Track> wanted =
        version == null ? Reading.ALL : track -> track.label("version").equals(version);
    Flow flow = version == null ? Flow.at(whole, bounds, at) : Flow.at(whole, bounds, at, version);
    Histogram took = Histogram.at(whole, at, wanted);
    Map<String, Double> modes = new TreeMap<>();
    for (Track track : whole.of(Series.DECISIONS)) {
      if (wanted.test(track) && track.at(at) > 0) {
        modes.merge(track.label("mode"), track.at(at), Double::sum);
      }
    }
    return new Figures(
        at.minus(whole.grid().window()),
        at,
        flow.all(),
        flow.failed(),
        flow.late(),
        took.quantile(0.95) * 1e3,
        took.quantile(0.99) * 1e3,
        whole.sum(Series.DECISIONS, at, wanted),
        whole.sum(
            Series.DECISIONS, at, wanted.and(t -> t.label("recommendation").equals("review"))),
        whole.sum(Series.DECISIONS, at, wanted.and(t -> t.label("enforced").equals("true"))),
        modes);
  }

  double failedShare() {
    return failed / requests;
  }

  double badShare() {
    return (failed + late) / requests;
  }

  double reviewShare() {
    return reviews / decisions;
  }
}
