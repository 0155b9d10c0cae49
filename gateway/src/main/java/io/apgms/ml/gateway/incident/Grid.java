package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/**
 * The times at which series are read.
 *
 * @param window how far back each time looks
 */
public record Grid(Instant from, Instant to, Duration step, Duration window) {
  /** Most times of a grid, so that no answer of Prometheus grows with what is asked. */
  static final int MOST = 240;

  private static final int SCRAPES = 4; // fewer say little of a rate

  /** Up to a time, no finer than a scrape. */
  public static Grid over(Instant to, Duration since, Duration scrape) {
    long step = Math.max(scrape.toMillis(), (since.toMillis() + MOST - 1) / MOST);
    long window = Math.max(SCRAPES * scrape.toMillis(), step);
    long steps = Math.max(1, since.toMillis() / step);
    Instant end = to.truncatedTo(ChronoUnit.MILLIS);
    return new Grid(
        end.minusMillis(steps * step), end, Duration.ofMillis(step), Duration.ofMillis(window));
  }

  /** One time, that looks back over a whole window. */
  public static Grid whole(Instant from, Instant to) {
    Instant end = to.truncatedTo(ChronoUnit.MILLIS);
    return new Grid(end, end, Duration.ofSeconds(1), Duration.between(from, end));
  }

  /** Whether nothing can be said of when something began. */
  boolean single() {
    return from.equals(to);
  }

  List<Instant> times() {
    List<Instant> times = new ArrayList<>();
    for (Instant time = from; !time.isAfter(to); time = time.plus(step)) {
      times.add(time);
    }
    return times;
  }
}
