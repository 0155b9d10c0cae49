package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What is said of a symptom at a time. */
final class Details {
  private static final int MOST = 3;

  private Details() {}

  static String of(Symptom symptom, Reading reading, Bounds bounds, Instant at) {
    return switch (symptom) {
      case ERRORS -> errors(reading, bounds, at);
      case LATENCY -> latency(reading, bounds, at);
      case DRIFT -> drift(reading, at);
    };
  }

  private static String errors(Reading reading, Bounds bounds, Instant at) {
    Flow flow = Flow.at(reading, bounds, at);
    if (flow.all() < Bounds.LEAST) {
      return "no replica answers Prometheus";
    }
    String kinds = kinds(reading, at);
    return Words.text(
        "%s of %.0f requests in %s fail or are refused, expected at most %s%s",
        Words.percent(flow.failed() / flow.all()),
        flow.all(),
        Words.time(reading.grid().window()),
        Words.percent(bounds.failed()),
        kinds.isEmpty() ? "" : ": " + kinds);
  }

  private static String latency(Reading reading, Bounds bounds, Instant at) {
    Flow flow = Flow.at(reading, bounds, at);
    Histogram took = Histogram.at(reading, at, Reading.ALL);
    return Words.text(
        "%s of %.0f answers in %s take over %d ms, expected at most %s; p95 %.0f ms",
        Words.percent(flow.late() / flow.answered()),
        flow.answered(),
        Words.time(reading.grid().window()),
        bounds.latency().toMillis(),
        Words.percent(Bounds.LATE),
        took.quantile(0.95) * 1e3);
  }

  private static String drift(Reading reading, Instant at) {
    List<String> worst = new ArrayList<>();
    for (Symptoms.Drift drift : Symptoms.drifts(reading, at).stream().limit(MOST).toList()) {
      worst.add(Words.text("%s PSI %.2f", drift.of(), drift.psi()));
    }
    return "PSI at most: " + String.join(", ", worst);
  }

  /** Why requests fail, the most frequent first; of every model. */
  static String kinds(Reading reading, Instant at) {
    Map<String, Double> kinds = failures(reading, at);
    double all = kinds.values().stream().mapToDouble(v -> v).sum();
    return String.join(
        ", ",
        kinds.entrySet().stream()
            .filter(kind -> kind.getValue() >= all / 100 && kind.getValue() > 0)
            .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
            .limit(MOST)
            .map(kind -> kind.getKey() + " " + Words.percent(kind.getValue() / all))
            .toList());
  }

  /** Errors and refusals of every model by kind. */
  static Map<String, Double> failures(Reading reading, Instant at) {
    Map<String, Double> kinds = new TreeMap<>();
    for (Series series : List.of(Series.ERRORS, Series.REJECTED)) {
      String label = series == Series.ERRORS ? "error_type" : "reason";
      for (Track track : reading.of(series)) {
        double count = track.at(at);
        if (count > 0) {
          kinds.merge(track.label(label), count, Double::sum);
        }
      }
    }
    return kinds;
  }
}
