package io.apgms.ml.scoring;

import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Histogram;
import java.util.List;
import java.util.Random;

/**
 * Rows to compare a case with, each feature drawn by itself from its histogram over the training
 * snapshot: a bin by its count, then a value of the bin, evenly. The outer bins are open; they are
 * taken to be as wide as their neighbours, within the feature's range.
 *
 * <p>A histogram without edges says nothing of where the values lie: such a feature takes its
 * values from the golden rows.
 */
final class Background {
  private Background() {}

  /** Row-major rows; the same ones for the same state of the generator. */
  static float[] rows(List<Feature> features, List<GoldenRow> golden, int count, Random random) {
    int width = features.size();
    float[] rows = new float[count * width];
    float[][] known = new float[golden.size()][];
    for (int i = 0; i < known.length; i++) {
      known[i] = golden.get(i).toTensor(features);
    }
    for (int row = 0; row < count; row++) {
      for (int j = 0; j < width; j++) {
        Feature feature = features.get(j);
        Histogram histogram = feature.baseline();
        rows[row * width + j] =
            histogram == null || histogram.edges().isEmpty() || total(histogram) == 0
                ? known[random.nextInt(known.length)][j]
                : value(feature, histogram, random);
      }
    }
    return rows;
  }

  private static long total(Histogram histogram) {
    return histogram.missing() + histogram.counts().stream().mapToLong(Long::longValue).sum();
  }

  private static float value(Feature feature, Histogram histogram, Random random) {
    long left = (long) (random.nextDouble() * total(histogram)) - histogram.missing();
    if (left < 0) {
      return Float.NaN;
    }
    int bin = 0;
    while (left >= histogram.counts().get(bin)) {
      left -= histogram.counts().get(bin++);
    }
    double low = low(feature, histogram.edges(), bin);
    double high = high(feature, histogram.edges(), bin);
    if (feature.type() == FeatureType.number) {
      return (float) (high - random.nextDouble() * (high - low)); // bins hold their upper edge
    }
    double first = bin == 0 ? Math.ceil(low) : Math.floor(low) + 1;
    double values = Math.max(1, Math.floor(high) - first + 1);
    return (float) (first + Math.floor(random.nextDouble() * values));
  }

  private static double low(Feature feature, List<Double> edges, int bin) {
    if (bin > 0) {
      return edges.get(bin - 1);
    }
    double width = edges.size() == 1 ? Double.MAX_VALUE : edges.get(1) - edges.get(0);
    return Math.max(feature.min(), edges.get(0) - width);
  }

  private static double high(Feature feature, List<Double> edges, int bin) {
    int last = edges.size() - 1;
    if (bin <= last) {
      return edges.get(bin);
    }
    double width = last == 0 ? Double.MAX_VALUE : edges.get(last) - edges.get(last - 1);
    return Math.min(feature.max(), edges.get(last) + width);
  }
}
