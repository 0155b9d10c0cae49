package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One revision of a model: which version was made active, by whom and why. Never changed later.
 *
 * @param revision 1, 2, 3 … per model
 * @param digest {@code sha256:…} of the artifact's manifest at that time
 * @param fromVersion the version that was active before, null for the first
 * @param rolledBackFrom the version this revision left as bad (rollback, or a pin to another
 *     version); a rollback does not return to it by itself
 * @param at the database's clock
 * @param ticket approval ticket of a promotion
 * @param incident incident a rollback belongs to
 */
public record Deployment(
    String model,
    int revision,
    String version,
    String digest,
    Kind kind,
    @Nullable String fromVersion,
    @Nullable String rolledBackFrom,
    String actor,
    Instant at,
    String reason,
    @Nullable String ticket,
    @Nullable String incident,
    UUID auditId) {

  /** How a revision came to be. */
  public enum Kind {
    bootstrap,
    promote,
    rollback,
    pin
  }
}
