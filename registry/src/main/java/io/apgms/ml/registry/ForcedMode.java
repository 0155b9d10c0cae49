package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A forced observe, in effect on every replica.
 *
 * @param scope a model id, or {@code *} for all models
 * @param setAt the database's clock
 * @param expiresAt the database's clock; null holds until it is lifted
 * @param auditSeq place of its entry in the audit log
 */
public record ForcedMode(
    String scope,
    String reason,
    String actor,
    Instant setAt,
    @Nullable Instant expiresAt,
    UUID auditId,
    long auditSeq) {
  /** The scope of all models. */
  public static final String ALL = "*";
}
