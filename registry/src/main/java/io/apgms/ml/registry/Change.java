package io.apgms.ml.registry;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A revision that was made.
 *
 * @param from version that was active before, null for a model's first
 * @param to version made active
 * @param toDigest digest the artifact must have to be served
 * @param replayed true when an earlier call had made this revision and nothing was done now
 */
public record Change(
    String model,
    int revision,
    @Nullable String from,
    String to,
    String toDigest,
    UUID auditId,
    boolean replayed) {
  static Change of(Deployment made, boolean replayed) {
    return new Change(
        made.model(),
        made.revision(),
        made.fromVersion(),
        made.version(),
        made.digest(),
        made.auditId(),
        replayed);
  }
}
