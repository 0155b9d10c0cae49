package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.RegistryException;

/** How many of some rows; a share of nothing has the value 0 and the interval from 0 to 1. */
record Share(long hits, long rows) {
  /** The 97.5 % quantile of the normal distribution: two-sided intervals of 95 %. */
  static final double Z975 = 1.959963984540054;

  /** Its 90 % quantile: 80 % power where two one-sided tests must both pass. */
  private static final double Z90 = 1.2815515655446004;

  Share {
    if (hits < 0 || hits > rows) {
      throw new RegistryException.Corrupt(
          hits + " of " + rows + " rows, expected 0 to all of them");
    }
  }

  double value() {
    return rows == 0 ? 0 : (double) hits / rows;
  }

  /** The rows that are not in {@code part}. */
  Share without(Share part) {
    return new Share(hits - part.hits, rows - part.rows);
  }

  /** The score interval of Wilson (1927), 95 %. */
  Interval interval() {
    return interval(Z975);
  }

  /** The same at another quantile of the normal distribution. */
  Interval interval(double z) {
    if (rows == 0) {
      return new Interval(0, 1);
    }
    double z2 = z * z;
    double p = value();
    double spread = StrictMath.sqrt(p * (1 - p) / rows + z2 / (4.0 * rows * (double) rows));
    double middle = (p + z2 / (2.0 * rows)) / (1 + z2 / rows);
    double half = z / (1 + z2 / rows) * spread;
    return new Interval(Math.max(0, middle - half), Math.min(1, middle + half));
  }

  /**
   * The interval of {@code value() - all.value()}, where these rows are part of {@code all}: as
   * group − all = (1 − w)(group − rest) with w the group's share of the rows, it is that of the
   * difference to the rest by Newcombe's method 10 (Statistics in Medicine 17, 1998), scaled.
   */
  Interval distance(Share all) {
    Share rest = all.without(this);
    if (rest.rows == 0) {
      return new Interval(0, 0);
    }
    Interval mine = interval();
    Interval theirs = rest.interval();
    double d = value() - rest.value();
    double scale = (double) rest.rows / all.rows;
    return new Interval(
        scale * (d - StrictMath.hypot(value() - mine.low(), theirs.high() - rest.value())),
        scale * (d + StrictMath.hypot(mine.high() - value(), rest.value() - theirs.low())));
  }

  /**
   * Rows of the group, all rows growing with it, from which a group that is truly equal shows a 95
   * % interval within ± {@code limit} four times in five: p(1 − p)(1 − w)((z.975 + z.90) / limit)²,
   * p shrunk as in Wilson's interval so that a rate of 0 asks for rows too (two one-sided tests:
   * Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987).
   */
  double needed(Share all, double limit) {
    double z2 = Z975 * Z975;
    double p = (hits + z2 / 2) / (rows + z2);
    double rest = all.rows == 0 ? 0 : 1 - (double) rows / all.rows;
    double z = (Z975 + Z90) / limit;
    return p * (1 - p) * rest * z * z;
  }

  /** A closed interval. */
  record Interval(double low, double high) {
    /** The largest distance from 0 of any point in it. */
    double farthest() {
      return Math.max(Math.abs(low), Math.abs(high));
    }
  }
}
