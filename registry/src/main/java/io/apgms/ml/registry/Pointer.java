package io.apgms.ml.registry;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a model serves now.
 *
 * @param digest the artifact must have it to be served
 * @param pin who holds the version, null when it is not held
 * @param updatedAt the database's clock
 */
public record Pointer(
    String model,
    int revision,
    String version,
    String digest,
    @Nullable Pin pin,
    Instant updatedAt) {

  /** A hold on the active version. */
  public record Pin(String actor, String reason, Instant at) {}
}
