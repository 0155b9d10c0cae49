package io.apgms.ml.feedback;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which predictions to list; null filters take all.
 *
 * @param from inclusive
 * @param to exclusive
 * @param limit 1 to 500
 */
public record PredictionQuery(
    @Nullable String modelId,
    @Nullable String modelVersion,
    @Nullable Instant from,
    @Nullable Instant to,
    @Nullable Boolean enforced,
    @Nullable String entityId,
    int limit,
    @Nullable String cursor) {}
