package io.apgms.ml.registry.drift;

import java.util.Arrays;

/**
 * How far the counts of a window are from those of a baseline, in the same cells, and whether that
 * is more than chance would do.
 *
 * @param rows of the window
 * @param psi population stability index, 0 and more; NaN where the verdict says nothing of drift
 * @param jensenShannon divergence in nats, 0 to ln 2; NaN likewise
 * @param threshold of the index, above which it is drift; NaN likewise
 */
public record Drift(
    long rows, double psi, double jensenShannon, double threshold, Verdict verdict) {

  /** Fewer rows than this say nothing. */
  public static final int MIN_ROWS = 500;

  /** The usual threshold: an index below it is no drift, whatever chance would do. */
  static final double LEAST_THRESHOLD = 0.1;

  /** Added to each cell of both sides, as an empty cell would make the index infinite. */
  private static final double SMOOTHING = 0.5;

  private static final double Z95 = 1.6448536269514722;

  /** What a window says. */
  public enum Verdict {
    DRIFTED("drifted"),
    STABLE("stable"),
    /** Fewer than {@link #MIN_ROWS}. */
    INSUFFICIENT_DATA("insufficient data"),
    /** The manifest's histogram has fewer than two cells: nothing to be compared. */
    NO_BASELINE("no baseline");

    private final String wire;

    Verdict(String wire) {
      this.wire = wire;
    }

    /** As it is told. */
    public String wire() {
      return wire;
    }
  }

  /**
   * Compares a window with its baseline.
   *
   * @param baseline counts a cell
   * @param window counts in the same cells
   */
  public static Drift of(long[] baseline, long[] window) {
    long rows = sum(window);
    long trained = sum(baseline);
    if (baseline.length < 2 || trained == 0) {
      return nothing(rows, Verdict.NO_BASELINE);
    }
    if (rows < MIN_ROWS) {
      return nothing(rows, Verdict.INSUFFICIENT_DATA);
    }
    double psi = psi(baseline, window);
    double threshold = Math.max(LEAST_THRESHOLD, quantile95(rows, trained, baseline.length));
    return new Drift(
        rows,
        psi,
        jensenShannon(baseline, window),
        threshold,
        psi > threshold ? Verdict.DRIFTED : Verdict.STABLE);
  }

  private static Drift nothing(long rows, Verdict why) {
    return new Drift(rows, Double.NaN, Double.NaN, Double.NaN, why);
  }

  /**
   * The population stability index, Σ (p − q) ln(p / q): Jeffreys' divergence of the two shares
   * (Proceedings of the Royal Society A 186, 1946). Shares are estimated with half a row more in
   * each cell (Krichevsky and Trofimov, IEEE Transactions on Information Theory 27, 1981).
   */
  static double psi(long[] a, long[] b) {
    requireSameCells(a, b);
    double restA = sum(a) + SMOOTHING * a.length;
    double restB = sum(b) + SMOOTHING * b.length;
    double psi = 0;
    for (int i = 0; i < a.length; i++) {
      double p = (a[i] + SMOOTHING) / restA;
      double q = (b[i] + SMOOTHING) / restB;
      psi += (p - q) * Math.log(p / q);
    }
    return psi;
  }

  /**
   * The divergence of Lin (IEEE Transactions on Information Theory 37, 1991) of the shares as they
   * are, in nats: 0 where they are the same, ln 2 where they share no cell.
   */
  static double jensenShannon(long[] a, long[] b) {
    requireSameCells(a, b);
    double allA = sum(a);
    double allB = sum(b);
    if (allA == 0 || allB == 0) {
      return Double.NaN;
    }
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      double p = a[i] / allA;
      double q = b[i] / allB;
      sum += (part(p, p + q) + part(q, p + q)) / 2;
    }
    return Math.min(Math.max(sum, 0), Math.log(2)); // the last bits
  }

  private static double part(double p, double both) {
    return p == 0 ? 0 : p * Math.log(2 * p / both);
  }

  /**
   * The index that 95 of 100 windows stay under while nothing has changed: it is distributed like
   * (1/n + 1/m) χ² with cells − 1 degrees of freedom (Yurdakul and Naranjo, Journal of Risk Model
   * Validation 14(4), 2020), whose quantile is that of Wilson and Hilferty (PNAS 17, 1931), within
   * 3 %.
   *
   * @param rows n, of the window
   * @param trained m, of the baseline
   */
  static double quantile95(long rows, long trained, int cells) {
    double df = cells - 1.0;
    double spread = 2 / (9 * df);
    double root = 1 - spread + Z95 * Math.sqrt(spread);
    return df * root * root * root * (1.0 / rows + 1.0 / trained);
  }

  private static long sum(long[] counts) {
    return Arrays.stream(counts).sum();
  }

  private static void requireSameCells(long[] a, long[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(b.length + " cells, expected the baseline's " + a.length);
    }
  }
}
