package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A second version of a model on trial beside the active one.
 *
 * @param n 1, 2, 3 … per model
 * @param digest the second version's artifact must have it
 * @param baseVersion the active version it is compared with; another one ends the trial
 * @param ticket that approves a canary; null for a shadow, and for a version that was active before
 * @param until when it is over at the latest, by the database's clock
 * @param end null while it runs
 */
public record Trial(
    UUID id,
    String model,
    int n,
    Kind kind,
    String version,
    String digest,
    String baseVersion,
    String baseDigest,
    @Nullable String ticket,
    TrialBounds bounds,
    String actor,
    Instant at,
    Instant until,
    String reason,
    UUID auditId,
    State state,
    @Nullable End end) {

  /** What the second version does. */
  public enum Kind {
    /** It answers a share of the requests, and may act. */
    canary,
    /** It scores what the active version has answered; it never answers and never acts. */
    shadow
  }

  /** Running, or one of the ways to end. */
  public enum State {
    running,
    passed,
    failed,
    inconclusive,
    /** By a person, or by a change of what the model serves. */
    stopped
  }

  /** Who ended it why; {@code system} where it ended by itself. */
  public record End(String actor, Instant at, String reason, UUID auditId) {}

  public boolean running() {
    return state == State.running;
  }
}
