package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** The first scrape over a bound, from counters as they were scraped. */
final class Onsets {
  private Onsets() {}

  /**
   * Counters of one replica at one scrape.
   *
   * @param wrong late answers, or failures
   */
  private record Counts(double wrong, double all) {
    Counts plus(Counts other) {
      return new Counts(wrong + other.wrong, all + other.all);
    }
  }

  /**
   * The first scrape of any replica between which and the one before more than the bound's share
   * was wrong; the crossing where there is none before it.
   *
   * @param tracks as scraped, each with its own times
   */
  static Instant of(Symptom symptom, List<Track> tracks, Bounds bounds, Instant crossing) {
    double bound = symptom == Symptom.ERRORS ? bounds.failed() : Bounds.LATE;
    String within = within(tracks, bounds);
    Map<String, NavigableMap<Instant, Counts>> replicas = new TreeMap<>();
    for (Track track : tracks) {
      double wrong = symptom == Symptom.ERRORS ? failed(track) : late(track, within);
      double all = symptom == Symptom.ERRORS ? requests(track) : answers(track);
      NavigableMap<Instant, Counts> counts =
          replicas.computeIfAbsent(track.label("instance"), instance -> new TreeMap<>());
      track
          .points()
          .forEach(
              (at, value) ->
                  counts.merge(at, new Counts(wrong * value, all * value), Counts::plus));
    }
    return replicas.values().stream()
        .map(counts -> first(counts, bound, crossing))
        .min(Instant::compareTo)
        .orElse(crossing);
  }

  private static Instant first(
      NavigableMap<Instant, Counts> counts, double bound, Instant crossing) {
    Map.Entry<Instant, Counts> before = null;
    for (Map.Entry<Instant, Counts> now : counts.entrySet()) {
      if (before != null && !now.getKey().isAfter(crossing)) {
        double all = now.getValue().all() - before.getValue().all();
        double wrong = now.getValue().wrong() - before.getValue().wrong();
        if (wrong > 0 && all >= wrong && wrong / all > bound) {
          return now.getKey();
        }
      }
      before = now;
    }
    return crossing;
  }

  private static double failed(Track track) {
    String outcome = track.label("outcome");
    return outcome.equals("error") || outcome.equals("rejected") ? 1 : 0;
  }

  private static double requests(Track track) {
    String outcome = track.label("outcome");
    return outcome.isEmpty() || outcome.equals("client_error") ? 0 : 1;
  }

  /** All answers less those of the last bucket within the bound. */
  private static double late(Track track, String within) {
    String le = track.label("le");
    return le.isEmpty() ? 0 : le.equals("+Inf") ? 1 : le.equals(within) ? -1 : 0;
  }

  private static double answers(Track track) {
    return track.label("le").equals("+Inf") ? 1 : 0;
  }

  /** The label of that bucket; empty of none. */
  private static String within(List<Track> tracks, Bounds bounds) {
    return tracks.stream()
        .map(track -> track.label("le"))
        .filter(le -> !le.isEmpty() && Sample.number(le) <= bounds.latencySeconds() + 1e-9)
        .max(Comparator.comparingDouble(Sample::number))
        .orElse("");
  }
}
