package io.apgms.ml.gateway.decision;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Where the outcome of one request goes: exactly one call, on the event loop it came from. */
public interface Reply {
  void decided(Decided decided);

  /**
   * No decision.
   *
   * @param predictionId set for {@link Refusal#UNKNOWN_OUTCOME}
   */
  void refused(Refusal why, @Nullable UUID predictionId);
}
