package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.RegistryException;
import java.util.List;

/** {@code bias_report.json} as it is written; what it says is checked, not believed. */
record BiasReportFile(
    String model,
    String modelSha256,
    String datasetSha256,
    double threshold,
    String basis,
    Group all,
    List<Group> groups) {
  static final String NAME = "bias_report.json";

  /** Reports round to six decimals. */
  private static final double ROUNDING = 1e-6;

  private static final int MAX_ROWS = 100_000_000;
  private static final int MAX_GROUPS = 1_000;

  BiasReportFile {
    groups = List.copyOf(groups);
    if (groups.size() > MAX_GROUPS) {
      throw new RegistryException.Corrupt(
          groups.size() + " groups, expected at most " + MAX_GROUPS);
    }
  }

  static BiasReportFile parse(byte[] json) {
    return Documents.json(NAME, json, BiasReportFile.class);
  }

  /** One band of a protected column, or all rows. */
  record Group(
      String column,
      String band,
      int n,
      int positives,
      Rate selectionRate,
      Rate falsePositiveRate,
      Rate falseNegativeRate,
      double calibrationGap,
      Delta delta) {
    Group {
      if (n < 0 || n > MAX_ROWS || positives < 0 || positives > n) {
        throw new RegistryException.Corrupt(
            column + ": " + band + " has " + positives + " positives of " + n + " rows");
      }
      require(column + ": " + band + ": calibrationGap", calibrationGap, -1, 1);
    }

    String name() {
      return column.isEmpty() ? band : column + ": " + band;
    }

    Share selected() {
      return selectionRate.of(n, name() + ": selectionRate");
    }

    Share falsePositives() {
      return falsePositiveRate.of(n - positives, name() + ": falsePositiveRate");
    }

    Share falseNegatives() {
      return falseNegativeRate.of(positives, name() + ": falseNegativeRate");
    }

    Share outcomes() {
      return new Share(positives, n);
    }

    /** Mean score, as the gap and the outcomes imply it. */
    double meanScore() {
      return calibrationGap + outcomes().value();
    }
  }

  record Rate(double value, double low, double high) {
    Rate {
      require("value", value, 0, 1);
      require("low", low, 0, 1);
      require("high", high, 0, 1);
    }

    /**
     * The count that gives this rate over so many rows.
     *
     * @throws RegistryException.Corrupt when no count does, or the interval is not Wilson's
     */
    Share of(int rows, String what) {
      Share share = new Share(Math.round(value * rows), rows);
      Share.Interval wilson = share.interval();
      if (apart(share.value(), value) || apart(wilson.low(), low) || apart(wilson.high(), high)) {
        throw new RegistryException.Corrupt(
            BiasReportFile.NAME
                + ": "
                + what
                + " "
                + value
                + " ("
                + low
                + " to "
                + high
                + "), expected a count of "
                + rows
                + " rows with its Wilson interval");
      }
      return share;
    }
  }

  record Delta(
      double selectionRate,
      double falsePositiveRate,
      double falseNegativeRate,
      double calibrationGap) {}

  /** Whether two figures differ by more than rounding does; true for NaN. */
  static boolean apart(double a, double b) {
    return !(Math.abs(a - b) <= ROUNDING);
  }

  private static void require(String what, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw new RegistryException.Corrupt(what + " " + value + ", expected " + min + " to " + max);
    }
  }
}
