package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** What was read of a model: each series at the times of a grid. */
public record Reading(Grid grid, Map<Series, List<Track>> tracks) {
  static final Predicate<Track> ALL = track -> true;

  /** Of a replica's own page at two times, the first one empty to count from its start. */
  public static Reading ofPages(String model, String earlier, String later, Grid grid) {
    List<Sample> before = Sample.of(earlier);
    List<Sample> after = Sample.of(later);
    Map<Series, List<Track>> tracks = new EnumMap<>(Series.class);
    for (Series series : Series.values()) {
      tracks.put(series, series.of(model, before, after, grid.to()));
    }
    return new Reading(grid, tracks);
  }

  /** Empty where nothing was found. */
  public List<Track> of(Series series) {
    return tracks.getOrDefault(series, List.of());
  }

  /** The sum at a time of what is known; 0 where nothing is. */
  double sum(Series series, Instant at, Predicate<Track> wanted) {
    double sum = 0;
    for (Track track : of(series)) {
      double value = wanted.test(track) ? track.at(at) : Double.NaN;
      sum += Double.isNaN(value) ? 0 : value;
    }
    return sum;
  }

  /** Requests of the model at the last time, a caller's own mistakes among them. */
  public double requests() {
    return sum(Series.REQUESTS, grid.to(), ALL);
  }

  /** The newest value; NaN where there is none. */
  public double last(Series series) {
    return last(series, ALL);
  }

  /** The newest value of a single series, NaN where there is none. */
  double last(Series series, Predicate<Track> wanted) {
    Instant newest = Instant.MIN;
    double value = Double.NaN;
    for (Track track : of(series)) {
      if (wanted.test(track)
          && !track.points().isEmpty()
          && track.points().lastKey().isAfter(newest)) {
        newest = track.points().lastKey();
        value = track.points().lastEntry().getValue();
      }
    }
    return value;
  }
}
