package io.apgms.ml.feedback;

import java.util.UUID;

/**
 * One row that two versions have scored.
 *
 * @param predictionId of the decision it is of
 * @param baseScore of the active version, in [0, 1]
 * @param secondScore of the version on trial; NaN where it gave none
 * @param secondReview its recommendation; not looked at where it gave no score
 */
public record TrialPair(
    UUID trial,
    UUID predictionId,
    String modelId,
    double baseScore,
    boolean baseReview,
    double secondScore,
    boolean secondReview) {}
