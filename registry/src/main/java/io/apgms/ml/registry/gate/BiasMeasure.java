package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.gate.BiasReportFile.Group;
import io.apgms.ml.registry.gate.Share.Interval;
import java.util.List;
import java.util.Locale;

/**
 * One figure of one group beside that of all rows.
 *
 * @param over rows that the figure stands on: all of the group, or those of one outcome
 * @param interval of the value, 95 %
 * @param distance interval of the signed difference to all rows, 95 %
 * @param needed rows of the group that would be needed, as {@link Share#needed} says
 */
record BiasMeasure(
    Group group,
    String name,
    long over,
    Compared value,
    Interval interval,
    Interval distance,
    long needed) {

  /** The group's value and that of all rows. */
  record Compared(double group, double all) {
    double delta() {
      return Math.abs(group - all);
    }
  }

  static List<BiasMeasure> of(Group g, Group all, double limit) {
    return List.of(
        rate(g, "selection rate", g.selected(), all.selected(), limit),
        rate(g, "false-positive rate", g.falsePositives(), all.falsePositives(), limit),
        rate(g, "false-negative rate", g.falseNegatives(), all.falseNegatives(), limit),
        calibration(g, all, limit));
  }

  private static BiasMeasure rate(Group g, String name, Share mine, Share all, double limit) {
    return new BiasMeasure(
        g,
        name,
        mine.rows(),
        new Compared(mine.value(), all.value()),
        mine.interval(),
        mine.distance(all),
        rows(g, mine, mine.needed(all, limit)));
  }

  /**
   * The report holds no single scores, so the gap's interval is bounded: where scores are
   * calibrated, outcome − score varies no more than the outcome does, whose normal interval this
   * is.
   */
  private static BiasMeasure calibration(Group g, Group all, double limit) {
    Share outcomes = g.outcomes();
    double p = outcomes.value();
    double half = g.n() == 0 ? 1 : Share.Z975 * Math.sqrt(p * (1 - p) / g.n());
    double rest = all.n() == 0 ? 0 : 1 - (double) g.n() / all.n();
    double scaled = half * Math.sqrt(rest);
    double gap = g.calibrationGap();
    double distance = gap - all.calibrationGap();
    return new BiasMeasure(
        g,
        "calibration gap",
        g.n(),
        new Compared(gap, all.calibrationGap()),
        new Interval(gap - half, gap + half),
        new Interval(distance - scaled, distance + scaled),
        rows(g, outcomes, outcomes.needed(all.outcomes(), limit)));
  }

  /** Rows of the group that bring so many rows of the rate. */
  private static long rows(Group g, Share rate, double needed) {
    return (long) Math.ceil(rate.rows() == 0 ? 0 : needed * g.n() / rate.rows());
  }

  /** The delta that is compared with the limit. */
  double compared(Policy.Bound bound) {
    return bound == Policy.Bound.point ? value.delta() : distance.farthest();
  }

  /** One line with everything that is known of it. */
  @Override
  public String toString() {
    // as seen from all rows, in the direction in which the group lies
    Interval away =
        value.group() < value.all() ? new Interval(-distance.high(), -distance.low()) : distance;
    return String.format(
        Locale.ROOT,
        "%s: %s %.4f (%.4f to %.4f), all %.4f, delta %s (%s to %s); %,d of %,d rows, %,d needed",
        group.name(),
        name,
        value.group(),
        interval.low(),
        interval.high(),
        value.all(),
        percent(value.delta()),
        percent(away.low()),
        percent(away.high()),
        over,
        group.n(),
        needed);
  }

  static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f %%", share * 100);
  }
}
