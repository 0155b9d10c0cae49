package io.apgms.ml.gateway.incident;

import io.apgms.ml.gateway.incident.Finding.State;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What each symptom was over the time of a reading. */
final class Symptoms {
  private final Reading reading;
  private final Bounds bounds;

  Symptoms(Reading reading, Bounds bounds) {
    this.reading = reading;
    this.bounds = bounds;
  }

  Finding of(Symptom symptom) {
    NavigableMap<Instant, Double> times = times(symptom);
    List<Episode> episodes = Episode.of(times, reading.grid());
    Instant newest = newestKnown(times);
    if (newest == null) {
      return new Finding(
          symptom, State.unknown, Double.NaN, null, null, unknown(symptom), List.of());
    }
    Episode last = episodes.isEmpty() ? null : episodes.get(episodes.size() - 1);
    if (last != null && last.lasts()) {
      return finding(symptom, State.over, last, last.peakAt());
    }
    if (last != null) {
      Episode longest =
          episodes.stream()
              .max(Comparator.comparing(e -> e.until().toEpochMilli() - e.since().toEpochMilli()))
              .orElse(last);
      return finding(symptom, State.ended, longest, longest.peakAt());
    }
    double value = Math.min(Triage.MOST_TIMES, times.getOrDefault(newest, Double.NaN));
    String detail = Details.of(symptom, reading, bounds, newest);
    return new Finding(symptom, State.within, value, null, null, detail, List.of());
  }

  private Finding finding(Symptom symptom, State state, Episode episode, Instant at) {
    return new Finding(
        symptom,
        state,
        Math.min(Triage.MOST_TIMES, episode.peak()),
        reading.grid().single() ? null : episode.since(),
        state == State.over ? null : episode.until(),
        Details.of(symptom, reading, bounds, at),
        by(symptom, at));
  }

  /** How often its bound, at each time; NaN where it is not known. */
  NavigableMap<Instant, Double> times(Symptom symptom) {
    NavigableMap<Instant, Double> times = new TreeMap<>();
    for (Instant at : reading.grid().times()) {
      times.put(
          at,
          switch (symptom) {
            case ERRORS -> errors(at);
            case LATENCY -> Flow.at(reading, bounds, at).lateShare() / Bounds.LATE;
            case DRIFT -> drifts(at).stream().mapToDouble(Drift::times).max().orElse(Double.NaN);
          });
    }
    return times;
  }

  private double errors(Instant at) {
    List<Track> up = reading.of(Series.UP);
    boolean known = up.stream().anyMatch(track -> !Double.isNaN(track.at(at)));
    boolean down = known && reading.sum(Series.UP, at, Reading.ALL) == 0;
    return down ? Triage.MOST_TIMES : Flow.at(reading, bounds, at).failedShare() / bounds.failed();
  }

  private static @Nullable Instant newestKnown(NavigableMap<Instant, Double> times) {
    for (Instant at : times.descendingKeySet()) {
      if (!Double.isNaN(times.getOrDefault(at, Double.NaN))) {
        return at;
      }
    }
    return null;
  }

  private String unknown(Symptom symptom) {
    if (symptom != Symptom.DRIFT) {
      return "never " + Bounds.LEAST + " requests in " + Words.time(reading.grid().window());
    }
    boolean there =
        !reading.of(Series.FEATURE_DRIFT).isEmpty() || !reading.of(Series.SCORE_DRIFT).isEmpty();
    return there ? "too few rows to say" : "nothing measures it here";
  }

  /**
   * One feature, or the scores.
   *
   * @param times how often its bound
   */
  record Drift(String of, double psi, double times) {}

  List<Drift> drifts(Instant at) {
    return drifts(reading, at);
  }

  /** All that are known at a time, the worst first. */
  static List<Drift> drifts(Reading reading, Instant at) {
    List<Drift> drifts = new ArrayList<>();
    for (Track score : reading.of(Series.FEATURE_DRIFT)) {
      add(drifts, reading, Series.FEATURE_BOUND, score, at);
    }
    for (Track score : reading.of(Series.SCORE_DRIFT)) {
      add(drifts, reading, Series.SCORE_BOUND, score, at);
    }
    drifts.sort(Comparator.comparingDouble(Drift::times).reversed());
    return drifts;
  }

  private static void add(
      List<Drift> drifts, Reading reading, Series series, Track score, Instant at) {
    for (Track bound : reading.of(series)) {
      double times = score.at(at) / bound.at(at);
      if (bound.labels().equals(score.labels()) && !Double.isNaN(times)) {
        String feature = score.label("feature");
        drifts.add(
            new Drift(
                (feature.isEmpty() ? "the scores" : feature) + " of " + score.label("version"),
                score.at(at),
                times));
      }
    }
  }

  /** Versions or features that are over the bound. */
  private List<String> by(Symptom symptom, Instant at) {
    if (symptom == Symptom.DRIFT) {
      return drifts(at).stream().filter(d -> d.times() > 1).map(Drift::of).toList();
    }
    return reading.of(Series.REQUESTS).stream()
        .map(track -> track.label("version"))
        .distinct()
        .sorted()
        .filter(version -> isOver(symptom, Flow.at(reading, bounds, at, version)))
        .toList();
  }

  private boolean isOver(Symptom symptom, Flow flow) {
    return symptom == Symptom.ERRORS
        ? flow.failedShare() > bounds.failed()
        : flow.lateShare() > Bounds.LATE;
  }
}
