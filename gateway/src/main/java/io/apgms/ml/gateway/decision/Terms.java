package io.apgms.ml.gateway.decision;

import io.apgms.ml.gateway.trace.Trace;
import org.jspecify.annotations.Nullable;

/**
 * What surrounds a call.
 *
 * @param tenant of the caller's token
 * @param arrivedNanos monotonic
 * @param deadlineNanos monotonic
 * @param bodyHash SHA-256 of the body where it has a requestId
 * @param trace that the request belongs to; null where there is none
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
public record Terms(
    @Nullable String tenant,
    long arrivedNanos,
    long deadlineNanos,
    byte @Nullable [] bodyHash,
    @Nullable Trace trace) {
  /** The header that is kept with what the call causes. */
  @Nullable String traceparent() {
    return trace == null ? null : trace.traceparent();
  }
}
