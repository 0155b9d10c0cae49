package io.apgms.ml.feedback;

/**
 * What is known of a version's decisions of the last thirty days, and of their labels.
 *
 * @param decisions all of them, as they were counted for drift
 * @param reviews of them, those that recommend a review
 * @param truePositives predictions by the label that counts, as are the three after it
 * @param lagSeconds median time from a prediction to its label, of labels recorded in the last
 *     seven days; NaN where there are none
 */
public record LabelOutcome(
    String modelId,
    String modelVersion,
    long decisions,
    long reviews,
    long truePositives,
    long falsePositives,
    long trueNegatives,
    long falseNegatives,
    double lagSeconds) {

  /** Fewer labels of a recommendation than this say nothing of it. */
  public static final int MIN_LABELS = 20;

  /** Of none known. */
  public static LabelOutcome none(String modelId, String modelVersion) {
    return new LabelOutcome(modelId, modelVersion, 0, 0, 0, 0, 0, 0, Double.NaN);
  }

  private long labelledReviews() {
    return truePositives + falsePositives;
  }

  private long labelledAllows() {
    return trueNegatives + falseNegatives;
  }

  /** Share of the labelled reviews that were right to review; NaN where they are few. */
  public double precision() {
    return labelledReviews() < MIN_LABELS ? Double.NaN : (double) truePositives / labelledReviews();
  }

  /**
   * Share of all adverse cases that were reviewed, where what is labelled is a fair sample of each
   * recommendation: the labelled of each stand for all of it (Begg and Greenes, Biometrics 39,
   * 1983). Reviews are labelled far more than the rest, so a share of the labels alone would be far
   * too high. NaN where the labels of either are few.
   */
  public double recall() {
    long allows = Math.max(decisions - reviews, labelledAllows());
    long reviewed = Math.max(reviews, labelledReviews());
    if (labelledReviews() < MIN_LABELS || labelledAllows() < MIN_LABELS) {
      return Double.NaN;
    }
    double found = reviewed * precision();
    double missed = allows * ((double) falseNegatives / labelledAllows());
    return found + missed == 0 ? Double.NaN : found / (found + missed);
  }

  /** Share of the reviews, or of the others, that have a label; NaN of nothing. */
  public double coverage(boolean ofReviews) {
    double labelled = ofReviews ? labelledReviews() : labelledAllows();
    double all = ofReviews ? reviews : decisions - reviews;
    return all <= 0 ? Double.NaN : Math.min(1, labelled / all);
  }
}
