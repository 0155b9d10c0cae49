package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Answers by how long they took, in seconds. Between the bounds of its buckets it is taken for
 * even, as Prometheus' {@code histogram_quantile} does.
 */
final class Histogram {
  private final NavigableMap<Double, Double> upTo = new TreeMap<>();

  private Histogram() {}

  static Histogram at(Reading reading, Instant time, Predicate<Track> wanted) {
    Histogram histogram = new Histogram();
    for (Track track : reading.of(Series.BUCKETS)) {
      double count = track.at(time);
      if (wanted.test(track) && !Double.isNaN(count)) {
        histogram.upTo.merge(Sample.number(track.label("le")), count, Double::sum);
      }
    }
    return histogram;
  }

  double count() {
    return upTo.isEmpty() ? 0 : upTo.lastEntry().getValue();
  }

  /** Answers that took longer. */
  double over(double seconds) {
    Map.Entry<Double, Double> above = upTo.ceilingEntry(seconds);
    if (above == null) {
      return 0;
    }
    Map.Entry<Double, Double> below = upTo.lowerEntry(above.getKey());
    double low = below == null ? 0 : below.getKey();
    double before = below == null ? 0 : below.getValue();
    double part = above.getKey().isInfinite() ? 0 : (seconds - low) / (above.getKey() - low);
    return Math.max(0, count() - before - part * (above.getValue() - before));
  }

  /** NaN of none; the last finite bound where it is beyond that. */
  double quantile(double q) {
    double rank = q * count();
    double low = 0;
    double before = 0;
    for (Map.Entry<Double, Double> bucket : upTo.entrySet()) {
      if (bucket.getValue() >= rank && count() > 0) {
        double inside = bucket.getValue() - before;
        boolean open = bucket.getKey().isInfinite();
        return open || inside <= 0 ? low : low + (bucket.getKey() - low) * (rank - before) / inside;
      }
      low = bucket.getKey();
      before = bucket.getValue();
    }
    return Double.NaN;
  }
}
