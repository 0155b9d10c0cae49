package io.apgms.ml.training.report;

import io.apgms.ml.training.data.Dataset;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.report.Metrics.Confusion;
import io.apgms.ml.training.report.Metrics.Rate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * {@code bias_report.json}: how the decisions differ between groups that the model does not see.
 *
 * @param basis which scores: those of rows that the scoring model was not trained on, by
 *     cross-validation or, for a model trained elsewhere, as its maker says
 */
public record BiasReport(
    String model,
    String modelSha256,
    String datasetSha256,
    double threshold,
    String basis,
    Group all,
    List<Group> groups) {

  /**
   * One band of a protected column.
   *
   * @param selectionRate share recommended for review
   * @param falsePositiveRate share of the negative outcomes recommended for review
   * @param falseNegativeRate share of the positive outcomes not recommended
   * @param calibrationGap mean score minus share of positive outcomes
   * @param delta distance of each from all rows' value
   */
  public record Group(
      String column,
      String band,
      int n,
      int positives,
      Rate selectionRate,
      Rate falsePositiveRate,
      Rate falseNegativeRate,
      double calibrationGap,
      Delta delta) {}

  /** |group − all|. */
  public record Delta(
      double selectionRate,
      double falsePositiveRate,
      double falseNegativeRate,
      double calibrationGap) {}

  /** Scores of rows by models of the same recipe that did not see them. */
  public static final String OUT_OF_FOLD = "out-of-fold";

  /** Scores of rows that were held out by whoever trained the model. */
  public static final String HELD_OUT = "held-out";

  private static final Delta NONE = new Delta(0, 0, 0, 0);

  /** Measures each band over the scores of all rows. */
  public static BiasReport of(
      ModelSchema schema, Dataset data, double[] scores, double threshold, String modelSha256) {
    Group all = group("", "all", rows(data, i -> true), data, scores, threshold);
    List<Group> groups = new ArrayList<>();
    for (ModelSchema.Protected column : schema.protectedColumns()) {
      String[] cells = data.groups().getOrDefault(column.name(), new String[0]);
      for (ModelSchema.Band band : column.bands()) {
        int[] rows = rows(data, i -> band.holds(cells[i]));
        Group group = group(column.name(), band.name(), rows, data, scores, threshold);
        groups.add(withDelta(group, all));
      }
    }
    return new BiasReport(
        schema.model(), modelSha256, data.sha256(), threshold, OUT_OF_FOLD, all, groups);
  }

  /** The same figures over rows of another kind. */
  public BiasReport withBasis(String other) {
    return new BiasReport(model, modelSha256, datasetSha256, threshold, other, all, groups);
  }

  private static int[] rows(Dataset data, IntPredicate wanted) {
    return IntStream.range(0, data.rows()).filter(wanted).toArray();
  }

  private static Group group(
      String column, String band, int[] rows, Dataset data, double[] scores, double threshold) {
    double[] s = Arrays.stream(rows).mapToDouble(i -> scores[i]).toArray();
    int[] y = Arrays.stream(rows).map(i -> data.y()[i]).toArray();
    Confusion c = Confusion.of(s, y, threshold);
    return new Group(
        column,
        band,
        c.total(),
        c.positives(),
        Rate.of(c.selected(), c.total()),
        Rate.of(c.falsePositives(), c.negatives()),
        Rate.of(c.falseNegatives(), c.positives()),
        Metrics.round(Metrics.mean(s) - Metrics.ratio(c.positives(), c.total())),
        NONE);
  }

  private static Group withDelta(Group g, Group all) {
    return new Group(
        g.column(),
        g.band(),
        g.n(),
        g.positives(),
        g.selectionRate(),
        g.falsePositiveRate(),
        g.falseNegativeRate(),
        g.calibrationGap(),
        new Delta(
            distance(g.selectionRate().value(), all.selectionRate().value()),
            distance(g.falsePositiveRate().value(), all.falsePositiveRate().value()),
            distance(g.falseNegativeRate().value(), all.falseNegativeRate().value()),
            distance(g.calibrationGap(), all.calibrationGap())));
  }

  private static double distance(double a, double b) {
    return Metrics.round(Math.abs(a - b));
  }
}
