package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;

/**
 * A time over a bound. Shorter breaks than the window do not end it.
 *
 * @param peakAt when it was worst
 */
record Episode(Instant since, Instant until, Instant peakAt, double peak, boolean lasts) {

  /**
   * All of them, in their order.
   *
   * @param times how often the bound, NaN where it is not known
   */
  static List<Episode> of(NavigableMap<Instant, Double> times, Grid grid) {
    List<Episode> found = new ArrayList<>();
    Episode now = null;
    for (Map.Entry<Instant, Double> point : times.entrySet()) {
      double value = point.getValue();
      if (!(value > 1)) {
        continue;
      }
      Instant at = point.getKey();
      boolean goesOn = now != null && !now.until.plus(grid.window()).plus(grid.step()).isBefore(at);
      if (now != null && !goesOn) {
        found.add(now);
      }
      now = now == null || !goesOn ? new Episode(at, at, at, value, false) : now.with(at, value);
    }
    if (now != null) {
      found.add(now.lasting(!now.until.isBefore(grid.to().minus(grid.step()))));
    }
    return found;
  }

  private Episode with(Instant at, double value) {
    return value > peak
        ? new Episode(since, at, at, value, false)
        : new Episode(since, at, peakAt, peak, false);
  }

  private Episode lasting(boolean now) {
    return new Episode(since, until, peakAt, peak, now);
  }
}
