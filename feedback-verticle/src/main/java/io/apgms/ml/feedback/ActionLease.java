package io.apgms.ml.feedback;

import org.jspecify.annotations.Nullable;

/** Whether a hold may still be enforced; asked on the dispatcher's loop right before each send. */
@FunctionalInterface
public interface ActionLease {
  /** Reads memory only. */
  Verdict check(String modelId, @Nullable String tenant, @Nullable String entityId);

  /** What may be done now. */
  enum May {
    ACT,
    /** The mode is observe: the hold is cancelled. */
    OBSERVE,
    /** Not known at this moment: the hold waits. */
    UNKNOWN
  }

  /**
   * An answer.
   *
   * @param source what settled it, one of a few words
   */
  record Verdict(May may, String source) {}
}
