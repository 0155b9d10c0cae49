package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.Trial.State;
import io.apgms.ml.registry.TrialBounds;
import io.apgms.ml.registry.TrialSums;
import io.apgms.ml.registry.Trials.Verdict;
import java.util.Locale;
import java.util.Optional;

/**
 * Whether a trial is decided. A bound that is crossed fails it as soon as the interval of what was
 * measured lies above it; it passes once enough was measured and the intervals lie below. It is
 * asked again and again, so the intervals are of 99.9 %: with 95 % a version at its bound would be
 * let through by one look or another.
 */
public final class TrialGate {
  /** The 99.95 % quantile of the normal distribution. */
  private static final double Z = 3.290526731491926;

  private TrialGate() {}

  /** Empty while it must go on. */
  public static Optional<Verdict> verdict(TrialBounds bounds, TrialSums seen, boolean timeUp) {
    if (seen.errors() > bounds.maxErrors()) {
      return over(
          State.failed,
          seen.errors()
              + " rows without a score in [0, 1], expected at most "
              + bounds.maxErrors());
    }
    Share.Interval disagreement = new Share(seen.disagreements(), seen.pairs()).interval(Z);
    Share.Interval difference = difference(seen);
    String measured = measured(bounds, seen, disagreement, difference);
    if (seen.pairs() >= TrialBounds.FIRST_LOOK
        && (disagreement.low() > bounds.maxDisagreement()
            || difference.low() > bounds.maxMeanDifference())) {
      return over(State.failed, measured);
    }
    boolean below =
        disagreement.high() <= bounds.maxDisagreement()
            && difference.high() <= bounds.maxMeanDifference();
    if (seen.pairs() >= bounds.leastPairs() && below) {
      return over(State.passed, measured);
    }
    if (timeUp || seen.pairs() >= TrialBounds.MAX_PAIRS) {
      return over(State.inconclusive, measured);
    }
    return Optional.empty();
  }

  private static Optional<Verdict> over(State state, String reason) {
    return Optional.of(new Verdict(state, reason));
  }

  /** Of the mean of |score − score|, which lies in [0, 1]; of nothing, all of that. */
  private static Share.Interval difference(TrialSums seen) {
    if (seen.pairs() < 2) {
      return new Share.Interval(0, 1);
    }
    double n = seen.pairs();
    double mean = seen.meanDifference();
    double variance = Math.max(0, (seen.sumSquares() - n * mean * mean) / (n - 1));
    double half = Z * Math.sqrt(variance / n);
    return new Share.Interval(Math.max(0, mean - half), Math.min(1, mean + half));
  }

  private static String measured(
      TrialBounds bounds, TrialSums seen, Share.Interval disagreement, Share.Interval difference) {
    return String.format(
        Locale.ROOT,
        "%d pairs, expected %d; %.2f %% with another recommendation (%.2f to %.2f), expected at most"
            + " %.2f; mean difference %.4f (%.4f to %.4f), expected at most %.4f",
        seen.pairs(),
        bounds.leastPairs(),
        seen.pairs() == 0 ? 0.0 : 100.0 * seen.disagreements() / seen.pairs(),
        100 * disagreement.low(),
        100 * disagreement.high(),
        100 * bounds.maxDisagreement(),
        seen.meanDifference(),
        difference.low(),
        difference.high(),
        bounds.maxMeanDifference());
  }
}
