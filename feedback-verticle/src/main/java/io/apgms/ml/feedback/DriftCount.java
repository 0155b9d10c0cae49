package io.apgms.ml.feedback;

/**
 * Counts of one column of one version: decisions in the cells of its baseline, and beside them.
 *
 * @param feature empty for the score
 * @param baseline counts of the training snapshot, a cell each
 * @param cells counts of decisions, in the same cells
 * @param missing of the decisions, those without a value
 * @param refusedMissing requests refused because it was missing
 * @param refusedRange requests refused because it was out of range
 * @param reviews of the score: decisions that recommend a review
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
public record DriftCount(
    String modelId,
    String modelVersion,
    String feature,
    long[] baseline,
    long[] cells,
    long missing,
    long refusedMissing,
    long refusedRange,
    long reviews) {}
