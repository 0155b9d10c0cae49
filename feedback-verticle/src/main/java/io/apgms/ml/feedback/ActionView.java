package io.apgms.ml.feedback;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What became of an action at one sink.
 *
 * @param eventId of its event there
 * @param kind hold or release
 * @param state pending, sent, cancelled or dead
 * @param attempts that the sink may have seen
 * @param status of the sink's last answer
 * @param reason of the last failure, or of the end
 * @param checkedAt when the last attempt began
 */
public record ActionView(
    String eventId,
    UUID predictionId,
    String kind,
    String sink,
    String state,
    int attempts,
    @Nullable Integer status,
    @Nullable String reason,
    Instant createdAt,
    @Nullable Instant checkedAt,
    @Nullable Instant endedAt) {}
