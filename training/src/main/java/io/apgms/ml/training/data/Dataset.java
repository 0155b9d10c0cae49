package io.apgms.ml.training.data;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a snapshot in memory.
 *
 * @param x row-major [rows, features], as the model will see them; NaN for a missing value
 * @param y outcome of each row, 0 or 1
 * @param groups cells of each protected column
 * @param truth true probability of each row where the data is generated
 * @param sha256 of the snapshot as plain CSV
 */
@SuppressWarnings("ArrayRecordComponent") // megabytes read once and shared; never compared
public record Dataset(
    float[] x, int[] y, Map<String, String[]> groups, double @Nullable [] truth, String sha256) {

  /** Number of rows. */
  public int rows() {
    return y.length;
  }

  /** Number of input columns. */
  public int width() {
    return x.length / y.length;
  }
}
