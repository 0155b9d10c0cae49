package io.apgms.ml.registry;

import java.time.Duration;

/**
 * What a trial is decided by.
 *
 * @param leastPairs rows that both versions scored before it may pass, 50 to 1,000,000
 * @param maxErrors rows for which the second version gave no number in [0, 1]; one more fails it
 * @param maxDisagreement share of the rows with another recommendation, above 0
 * @param maxMeanDifference mean of |score − score|, above 0
 * @param limit it is over after so long, one second to 31 days
 */
public record TrialBounds(
    int leastPairs,
    int maxErrors,
    double maxDisagreement,
    double maxMeanDifference,
    Duration limit) {
  /** Longest trial. */
  public static final Duration MAX_LIMIT = Duration.ofDays(31);

  /** Where nothing else is said. */
  public static final TrialBounds DEFAULT =
      new TrialBounds(500, 0, 0.05, 0.05, Duration.ofHours(24));

  /** Fewer pairs than this decide nothing but errors. */
  public static final int FIRST_LOOK = 50;

  /** What so many pairs cannot tell from its bound is inconclusive. */
  public static final int MAX_PAIRS = 1_000_000;

  public TrialBounds {
    require("leastPairs", leastPairs, FIRST_LOOK, MAX_PAIRS);
    require("maxErrors", maxErrors, 0, MAX_PAIRS);
    requireShare("maxDisagreement", maxDisagreement);
    requireShare("maxMeanDifference", maxMeanDifference);
    require("limitMs", limit.toMillis(), 1_000, MAX_LIMIT.toMillis());
  }

  private static void require(String what, long value, long least, long most) {
    if (value < least || value > most) {
      throw new RegistryException.Invalid(
          what + " is " + value + ", expected " + least + " to " + most);
    }
  }

  private static void requireShare(String what, double value) {
    if (!(value > 0 && value <= 1)) {
      throw new RegistryException.Invalid(what + " is " + value + ", expected above 0, at most 1");
    }
  }
}
