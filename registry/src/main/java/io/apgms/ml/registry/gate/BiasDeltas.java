package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.gate.BiasReportFile.Delta;
import io.apgms.ml.registry.gate.BiasReportFile.Group;
import io.apgms.ml.registry.gate.BiasReportFile.Rate;
import java.util.List;

/** The figures of the bias gate, over rows that were counted elsewhere than in a report. */
public final class BiasDeltas {
  private BiasDeltas() {}

  /**
   * What was counted of one band of a protected column, or of all rows.
   *
   * @param positives rows with the adverse outcome
   * @param scores sum over the rows
   */
  public record Counts(
      String column,
      String band,
      int rows,
      int positives,
      int falsePositives,
      int falseNegatives,
      double scores) {
    private Group group() {
      int selected = positives - falseNegatives + falsePositives;
      double gap = rows == 0 ? 0 : (scores - positives) / rows;
      return new Group(
          column,
          band,
          rows,
          positives,
          rate(selected, rows),
          rate(falsePositives, rows - positives),
          rate(falseNegatives, positives),
          Math.max(-1, Math.min(1, gap)),
          new Delta(0, 0, 0, 0));
    }

    private static Rate rate(int hits, int rows) {
      Share share = new Share(hits, rows);
      Share.Interval interval = share.interval();
      return new Rate(share.value(), interval.low(), interval.high());
    }
  }

  /**
   * One figure of one band.
   *
   * @param figure as the gate names it, such as {@code selection rate}
   * @param delta |band − all|, a share
   * @param rows that it stands on
   * @param isMeasurable whether those are as many as the policy asks for
   */
  public record Figure(
      String column, String band, String figure, double delta, long rows, boolean isMeasurable) {}

  /** Every figure of every band beside that of all rows. */
  public static List<Figure> of(Counts all, List<Counts> bands, Policy.Bias policy) {
    return bands.stream()
        .flatMap(band -> BiasMeasure.of(band.group(), all.group(), policy.maxDelta()).stream())
        .map(
            m ->
                new Figure(
                    m.group().column(),
                    m.group().band(),
                    m.name(),
                    m.value().delta(),
                    m.over(),
                    BiasGate.measurable(m, policy)))
        .toList();
  }
}
