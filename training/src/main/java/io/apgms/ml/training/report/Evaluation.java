package io.apgms.ml.training.report;

import io.apgms.ml.training.report.Metrics.CalibrationBin;
import io.apgms.ml.training.report.Metrics.Confusion;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code evaluation.json}.
 *
 * @param modelSha256 of the model.pt that the holdout was scored with
 * @param crossValidation of the recipe: each row scored by a model that did not see it
 * @param holdout of the packaged model, on rows kept out of its training and stopping
 */
public record Evaluation(
    String model,
    String modelSha256,
    String datasetSha256,
    double threshold,
    CrossValidation crossValidation,
    Measures holdout) {

  /** AUC of each fold, and the measures over all rows by their out-of-fold scores. */
  public record CrossValidation(List<Double> foldAuc, Measures overall) {}

  /**
   * What was measured on some rows.
   *
   * @param truthAuc AUC of the true probability, the best that any model can reach
   * @param truthMeanAbsoluteError mean distance of the score from the true probability
   */
  public record Measures(
      int rows,
      double baseRate,
      double auc,
      double logLoss,
      double brier,
      double precision,
      double recall,
      double selectionRate,
      @Nullable Double truthAuc,
      @Nullable Double truthMeanAbsoluteError,
      List<CalibrationBin> calibration) {

    /** Measures scores against outcomes; {@code truth} where the data is generated. */
    public static Measures of(
        double[] scores, int[] labels, double threshold, double @Nullable [] truth) {
      Confusion at = Confusion.of(scores, labels, threshold);
      Double truthAuc = null;
      Double distance = null;
      if (truth != null) {
        double sum = 0;
        for (int i = 0; i < scores.length; i++) {
          sum += StrictMath.abs(scores[i] - truth[i]);
        }
        truthAuc = Metrics.round(Metrics.auc(truth, labels));
        distance = Metrics.round(Metrics.ratio(sum, scores.length));
      }
      return new Measures(
          scores.length,
          Metrics.round(Metrics.ratio(at.positives(), at.total())),
          Metrics.round(Metrics.auc(scores, labels)),
          Metrics.round(Metrics.logLoss(scores, labels)),
          Metrics.round(Metrics.brier(scores, labels)),
          Metrics.round(at.precision()),
          Metrics.round(at.recall()),
          Metrics.round(Metrics.ratio(at.selected(), at.total())),
          truthAuc,
          distance,
          Metrics.calibration(scores, labels));
    }
  }
}
