package io.apgms.ml.scoring;

import io.apgms.ml.scoring.Explainer.Estimate;

/**
 * What each feature added to a score: the contributions sum to score − baseline.
 *
 * @param contributions in tensor order, each the float nearest to a whole number of millionths
 * @param baseline mean score of the background rows, rounded to six decimals
 * @param standardError largest over the features, rounded to six decimals
 * @param rowsScored what it took
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
public record Explanation(
    float[] contributions, double baseline, double standardError, int rowsScored) {
  /** How the contributions are estimated; stands beside them in answers. */
  public static final String METHOD = "shapley-sampling";

  private static final double MILLION = 1e6;

  /** Of a contribution in millionths; what a float can hold of it is gone again. */
  public double contribution(int feature) {
    return Math.rint(contributions[feature] * MILLION) / MILLION;
  }

  /**
   * Rounds an estimate. What rounding leaves over goes to the largest contribution, which is some
   * millionths; more than that is no rounding, and refused.
   *
   * @param score as decided, rounded to six decimals
   * @throws IllegalStateException when the contributions are not those of the score
   */
  static Explanation of(Estimate estimate, double score) {
    double[] exact = estimate.contributions();
    long[] millionths = new long[exact.length];
    long baseline = Math.round(estimate.baseline() * MILLION);
    long left = Math.round(score * MILLION) - baseline;
    int largest = 0;
    double error = 0;
    for (int j = 0; j < exact.length; j++) {
      millionths[j] = Math.round(exact[j] * MILLION);
      left -= millionths[j];
      largest = Math.abs(exact[j]) > Math.abs(exact[largest]) ? j : largest;
      error = Math.max(error, estimate.standardErrors()[j]);
    }
    // Half a millionth each, the baseline and the score too; the score in a batch of another size.
    double most = (exact.length + 2) / 2.0 + ScoringRuntime.TOLERANCE * MILLION;
    if (Math.abs(left) > most) {
      throw new IllegalStateException(
          "contributions are off score − baseline by "
              + left
              + " millionths, expected at most "
              + most);
    }
    millionths[largest] += left;
    float[] contributions = new float[exact.length];
    for (int j = 0; j < contributions.length; j++) {
      contributions[j] = (float) (millionths[j] / MILLION);
    }
    return new Explanation(
        contributions,
        baseline / MILLION,
        Math.rint(error * MILLION) / MILLION,
        estimate.rowsScored());
  }
}
