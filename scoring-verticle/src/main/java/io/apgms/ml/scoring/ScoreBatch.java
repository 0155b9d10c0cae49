package io.apgms.ml.scoring;

import org.jspecify.annotations.Nullable;

/**
 * Many rows of one request, scored by one version. They queue apart from the single rows and are
 * scored slice by slice, so that a large batch never holds those up for longer than a slice.
 *
 * @param id the sender's own, echoed in the answer
 * @param replyTo address the {@link ScoredBatch} is sent to
 * @param version null for the active one
 * @param rows row-major [count, features], NaN where missing; not to be changed after it was sent
 * @param deadlineNanos of {@link System#nanoTime()}; past it no further slice is scored
 */
@SuppressWarnings("ArrayRecordComponent") // travels by reference; never compared
public record ScoreBatch(
    long id,
    String replyTo,
    String modelId,
    @Nullable String version,
    float[] rows,
    int count,
    long deadlineNanos) {}
