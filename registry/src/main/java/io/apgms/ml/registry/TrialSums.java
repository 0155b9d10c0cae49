package io.apgms.ml.registry;

/**
 * What all replicas have seen of a trial.
 *
 * @param pairs rows that both versions scored
 * @param errors rows that the second version could not score
 * @param disagreements pairs with two recommendations
 * @param sumDifference of |score − score| over the pairs
 * @param sumSquares of the same, squared
 * @param dropped rows that were not compared, since too many waited
 */
public record TrialSums(
    long pairs,
    long errors,
    long disagreements,
    double sumDifference,
    double sumSquares,
    long dropped) {
  /** Nothing yet. */
  public static final TrialSums NONE = new TrialSums(0, 0, 0, 0, 0, 0);

  /** Mean of |score − score|; 0 of no pairs. */
  public double meanDifference() {
    return pairs == 0 ? 0 : sumDifference / pairs;
  }
}
