package io.apgms.ml.training.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Measures of scores against outcomes; rates over nothing are 0. */
public final class Metrics {
  private static final double Z95 = 1.959963984540054;
  private static final double LOG_EDGE = 1e-12;

  private Metrics() {}

  /** Six decimals, so that reports do not depend on how a JDK prints the last digits. */
  public static double round(double value) {
    return StrictMath.rint(value * 1e6) / 1e6;
  }

  /** Area under the ROC curve by ranks (Mann and Whitney), ties counted half. */
  public static double auc(double[] scores, int[] labels) {
    Integer[] order = new Integer[scores.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(scores[a], scores[b]));
    double positives = 0;
    double rankSum = 0;
    int at = 0;
    while (at < order.length) {
      int end = at;
      while (end < order.length && scores[order[end]] == scores[order[at]]) {
        end++;
      }
      for (int i = at; i < end; i++) {
        if (labels[order[i]] == 1) {
          positives++;
          rankSum += (at + 1 + end) / 2.0;
        }
      }
      at = end;
    }
    double negatives = labels.length - positives;
    return ratio(rankSum - positives * (positives + 1) / 2, positives * negatives);
  }

  /** Mean log loss, scores kept 1e-12 away from 0 and 1. */
  public static double logLoss(double[] scores, int[] labels) {
    double sum = 0;
    for (int i = 0; i < scores.length; i++) {
      double p = labels[i] == 1 ? scores[i] : 1 - scores[i];
      sum -= StrictMath.log(StrictMath.min(StrictMath.max(p, LOG_EDGE), 1 - LOG_EDGE));
    }
    return ratio(sum, scores.length);
  }

  /** Mean squared difference of score and outcome (Brier, 1950). */
  public static double brier(double[] scores, int[] labels) {
    double sum = 0;
    for (int i = 0; i < scores.length; i++) {
      sum += (scores[i] - labels[i]) * (scores[i] - labels[i]);
    }
    return ratio(sum, scores.length);
  }

  /** Counts at a threshold; positive = at or above it. */
  public record Confusion(
      int truePositives, int falsePositives, int trueNegatives, int falseNegatives) {
    /** Counts the outcomes of some scores. */
    public static Confusion of(double[] scores, int[] labels, double threshold) {
      int[] n = new int[4];
      for (int i = 0; i < scores.length; i++) {
        n[(scores[i] >= threshold ? 2 : 0) + labels[i]]++;
      }
      return new Confusion(n[3], n[2], n[0], n[1]);
    }

    int total() {
      return truePositives + falsePositives + trueNegatives + falseNegatives;
    }

    int selected() {
      return truePositives + falsePositives;
    }

    int positives() {
      return truePositives + falseNegatives;
    }

    int negatives() {
      return trueNegatives + falsePositives;
    }

    double precision() {
      return ratio(truePositives, selected());
    }

    double recall() {
      return ratio(truePositives, positives());
    }
  }

  /** A share and its 95 % interval. */
  public record Rate(double value, double low, double high) {
    /** The score interval of Wilson (1927). */
    public static Rate of(int hits, int n) {
      if (n == 0) {
        return new Rate(0, 0, 1);
      }
      double p = (double) hits / n;
      double z2 = Z95 * Z95;
      double middle = (p + z2 / (2.0 * n)) / (1 + z2 / n);
      double half =
          Z95 / (1 + z2 / n) * StrictMath.sqrt(p * (1 - p) / n + z2 / (4.0 * n * (double) n));
      return new Rate(
          round(p),
          round(StrictMath.max(middle - half, 0)),
          round(StrictMath.min(middle + half, 1)));
    }
  }

  /** Scores in [from, to): how many, their mean, and the share of positive outcomes. */
  public record CalibrationBin(double from, double to, int n, double meanScore, double rate) {}

  /** Ten bins of equal width; the last one holds 1 as well. */
  public static List<CalibrationBin> calibration(double[] scores, int[] labels) {
    int[] n = new int[10];
    int[] hits = new int[10];
    double[] sum = new double[10];
    for (int i = 0; i < scores.length; i++) {
      int bin = Math.min((int) (scores[i] * 10), 9);
      n[bin]++;
      hits[bin] += labels[i];
      sum[bin] += scores[i];
    }
    List<CalibrationBin> bins = new ArrayList<>();
    for (int b = 0; b < 10; b++) {
      bins.add(
          new CalibrationBin(
              b / 10.0,
              (b + 1) / 10.0,
              n[b],
              round(ratio(sum[b], n[b])),
              round(ratio(hits[b], n[b]))));
    }
    return bins;
  }

  static double mean(double[] values) {
    double sum = 0;
    for (double v : values) {
      sum += v;
    }
    return ratio(sum, values.length);
  }

  static double ratio(double part, double whole) {
    return whole == 0 ? 0 : part / whole;
  }
}
