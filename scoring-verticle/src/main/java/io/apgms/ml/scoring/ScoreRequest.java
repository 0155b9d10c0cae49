package io.apgms.ml.scoring;

import org.jspecify.annotations.Nullable;

/**
 * One row to score.
 *
 * @param version null for the active one
 * @param row features in tensor order, NaN where missing; not to be changed after it was sent
 * @param deadlineNanos of {@link System#nanoTime()}; past it the model is not run
 */
@SuppressWarnings("ArrayRecordComponent") // travels by reference; never compared
public record ScoreRequest(
    String modelId, @Nullable String version, float[] row, long deadlineNanos) {}
