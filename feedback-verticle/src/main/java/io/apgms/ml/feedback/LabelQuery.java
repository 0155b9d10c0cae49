package io.apgms.ml.feedback;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which labels to list; null filters take all.
 *
 * @param from recorded at or after it
 * @param to recorded before it
 * @param limit 1 to 500
 */
public record LabelQuery(
    @Nullable String modelId,
    @Nullable String modelVersion,
    NewLabel.@Nullable Label label,
    NewLabel.@Nullable Source source,
    @Nullable UUID predictionId,
    @Nullable Instant from,
    @Nullable Instant to,
    int limit,
    @Nullable String cursor) {}
