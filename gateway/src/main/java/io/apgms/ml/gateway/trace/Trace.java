package io.apgms.ml.gateway.trace;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The trace that a request belongs to, and what is told to it on the way. Times are of {@link
 * System#nanoTime()}. Confined to the request's event loop.
 */
public interface Trace {
  /** 32 hex digits. */
  String traceId();

  /** The header of what this request causes. */
  String traceparent();

  /** Whether somebody may look for it: its caller named it, or it is recorded. */
  boolean wanted();

  /** A way over the event bus to the model and back. */
  default void scored(Scored how) {}

  /** A write of the decision, before its answer. */
  default void kept(Kept how) {}

  /** The decision that is answered. */
  default void decided(
      UUID predictionId, String modelId, String modelVersion, String mode, boolean enforced) {}

  /**
   * A way to the model and back.
   *
   * @param startedNanos of the batch
   * @param untilNanos when the scores were back
   * @param chunkRows requests that travelled together
   * @param batchRows rows of the batch; 0 where the model did not run
   */
  record Scored(long sentNanos, long startedNanos, long untilNanos, int chunkRows, int batchRows) {}

  /** Where a decision is kept. */
  enum Store {
    SPOOL,
    DATABASE
  }

  /**
   * A write.
   *
   * @param failure the name of what went wrong; null where it is kept
   */
  record Kept(Store store, long fromNanos, long untilNanos, @Nullable String failure) {}
}
