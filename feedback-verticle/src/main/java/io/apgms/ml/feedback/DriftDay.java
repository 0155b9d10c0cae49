package io.apgms.ml.feedback;

import org.jspecify.annotations.Nullable;

/**
 * A day of one column of one version, as it is kept.
 *
 * @param psi null where the day says nothing of drift, as are the two after it
 */
public record DriftDay(
    DriftCount counts,
    long rows,
    @Nullable Double psi,
    @Nullable Double jensenShannon,
    @Nullable Double threshold,
    String verdict) {}
