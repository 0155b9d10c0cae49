package io.apgms.ml.training.report;

import io.apgms.ml.registry.Manifest.Histogram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Baseline distributions for drift: at most ten bins of about equal counts. */
public final class Histograms {
  private static final int BINS = 10;

  private Histograms() {}

  /** Bins between the deciles that differ; NaN counts as missing. */
  public static Histogram of(double[] values) {
    double[] present = Arrays.stream(values).filter(v -> !Double.isNaN(v)).sorted().toArray();
    List<Double> edges = new ArrayList<>();
    for (int i = 1; i < BINS && present.length > 0; i++) {
      double edge = Metrics.round(present[(int) ((long) i * present.length / BINS)]);
      boolean last = edge >= present[present.length - 1]; // nothing would lie above it
      if (!last && (edges.isEmpty() || edge > edges.get(edges.size() - 1))) {
        edges.add(edge);
      }
    }
    long[] counts = new long[edges.size() + 1];
    for (double v : present) {
      int bin = 0;
      while (bin < edges.size() && v > edges.get(bin)) {
        bin++;
      }
      counts[bin]++;
    }
    return new Histogram(
        edges, Arrays.stream(counts).boxed().toList(), values.length - present.length);
  }
}
