package io.apgms.ml.training.fit;

/** Ranks as quantiles of the standard normal distribution. */
final class NormalScores {
  private static final double EDGE = 0.001;

  private NormalScores() {}

  /** The share of a standard normal below z, to 1e-9, by bisection of the quantile. */
  static double share(double z) {
    double low = 1e-9;
    double high = 1 - 1e-9;
    for (int i = 0; i < 50; i++) {
      double mid = (low + high) / 2;
      if (NormalQuantile.of(mid) < z) {
        low = mid;
      } else {
        high = mid;
      }
    }
    return (low + high) / 2;
  }

  /** Normal score of the middle rank of a value among sorted ones, so that ties share one. */
  static double midRank(float[] sorted, float value) {
    int below = bound(sorted, value, false);
    int upTo = bound(sorted, value, true);
    double p = (below + upTo) / (2.0 * sorted.length);
    return NormalQuantile.of(StrictMath.min(StrictMath.max(p, EDGE), 1 - EDGE));
  }

  private static int bound(float[] sorted, float value, boolean inclusive) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int mid = (low + high) >>> 1;
      if (sorted[mid] < value || (inclusive && sorted[mid] == value)) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    return low;
  }
}
