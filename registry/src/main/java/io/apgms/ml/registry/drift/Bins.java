package io.apgms.ml.registry.drift;

import io.apgms.ml.registry.Manifest.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * The cells that values are counted in: the bins of a baseline, and one of their own for missing
 * values where there may be some. Without a usable baseline everything falls into one cell.
 */
public final class Bins {
  /** Of a histogram: training writes ten; one with more is no baseline. */
  static final int MAX_BINS = 64;

  private final double[] edges;
  private final boolean nullable;
  private final long[] baseline;

  private Bins(double[] edges, boolean nullable, long[] baseline) {
    this.edges = edges;
    this.nullable = nullable;
    this.baseline = baseline;
  }

  /**
   * The cells of a column.
   *
   * @param histogram of the training snapshot; null where the manifest has none
   * @param nullable whether values may be missing
   */
  public static Bins of(@Nullable Histogram histogram, boolean nullable) {
    if (histogram == null || histogram.counts().size() > MAX_BINS) {
      return new Bins(new double[0], nullable, new long[nullable ? 2 : 1]);
    }
    double[] edges = histogram.edges().stream().mapToDouble(Double::doubleValue).toArray();
    long[] baseline = new long[edges.length + (nullable ? 2 : 1)];
    for (int i = 0; i <= edges.length; i++) {
      baseline[i] = histogram.counts().get(i);
    }
    if (nullable) {
      baseline[edges.length + 1] = histogram.missing();
    }
    return new Bins(edges, nullable, baseline);
  }

  /** How many cells there are. */
  public int cells() {
    return baseline.length;
  }

  /** Counts of the baseline, a cell each; all 0 where it is none. */
  public long[] baseline() {
    return baseline.clone();
  }

  /** The upper bounds of all bins but the last, each part of the bin below it. */
  public double[] edges() {
    return edges.clone();
  }

  /** The cell of missing values, or -1. */
  public int missingCell() {
    return nullable ? edges.length + 1 : -1;
  }

  /** The cell of a value. */
  public int cell(double value) {
    if (Double.isNaN(value)) {
      return nullable ? edges.length + 1 : edges.length;
    }
    int bin = 0;
    for (double edge : edges) {
      bin += value > edge ? 1 : 0;
    }
    return bin;
  }
}
