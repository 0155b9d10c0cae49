package io.apgms.ml.training;

import io.apgms.ml.scoring.TorchModel;
import io.apgms.ml.training.data.Dataset;
import io.apgms.ml.training.fit.FittedModel;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Rows scored by a written module, through the code that serves it. */
final class ScoredRows {
  /** The largest accepted distance of float32 serving from double-precision training. */
  static final double TOLERANCE = 1e-6;

  private static final int BATCH = 1024;

  private ScoredRows() {}

  static float[] by(byte[] archive, Dataset data) {
    try (TorchModel module = TorchModel.load(archive, data.width())) {
      return by(module, data.x(), data.width());
    }
  }

  static float[] by(TorchModel module, float[] x, int width) {
    int rows = x.length / width;
    float[] scores = new float[rows];
    for (int from = 0; from < rows; from += BATCH) {
      int n = Math.min(BATCH, rows - from);
      float[] batch = Arrays.copyOfRange(x, from * width, (from + n) * width);
      System.arraycopy(module.score(batch, n), 0, scores, from, n);
    }
    return scores;
  }

  /** The largest distance between the two, refused above {@link #TOLERANCE}. */
  static double largestDistance(FittedModel model, Dataset data, float[] scores) {
    double[] exact = model.score(data.x(), IntStream.range(0, data.rows()).toArray());
    double largest = 0;
    for (int i = 0; i < exact.length; i++) {
      double distance = Math.abs(exact[i] - scores[i]);
      if (!(distance <= TOLERANCE)) {
        throw new TrainingException.Export(
            "row "
                + i
                + ": model.pt gives "
                + scores[i]
                + ", expected "
                + exact[i]
                + " within 1e-6");
      }
      largest = Math.max(largest, distance);
    }
    return largest;
  }

  static double[] toDoubles(float[] values) {
    double[] out = new double[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = values[i];
    }
    return out;
  }
}
