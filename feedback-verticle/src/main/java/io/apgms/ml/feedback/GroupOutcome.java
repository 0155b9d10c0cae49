package io.apgms.ml.feedback;

/**
 * Decisions of one version whose requests carried these groups.
 *
 * @param groupsJson as the callers sent them, an object
 * @param decisions of the newest ones that were looked at
 * @param reviews of them, those that recommend a review
 * @param truePositives decisions by the label that counts, as are the three after it
 * @param scores sum over the labelled ones
 */
public record GroupOutcome(
    String modelId,
    String modelVersion,
    String groupsJson,
    int decisions,
    int reviews,
    int truePositives,
    int falsePositives,
    int trueNegatives,
    int falseNegatives,
    double scores) {}
