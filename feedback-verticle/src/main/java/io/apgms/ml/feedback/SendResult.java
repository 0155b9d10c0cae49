package io.apgms.ml.feedback;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How an attempt ended.
 *
 * @param status of the answer; 0 where there was none
 * @param retryAfterMs what the sink asked for; 0 where it asked for nothing
 * @param reason one of a few texts of ours; null where all is well
 * @param checkedAt when the lease was checked; null where it did not come to that
 */
record SendResult(
    Kind kind,
    int status,
    long retryAfterMs,
    @Nullable String reason,
    @Nullable Instant checkedAt) {
  enum Kind {
    /** 2xx. */
    DELIVERED,
    /** 410: the sink wants no more. */
    GONE,
    /** 429, 502, 503, 504: it is too much for it. */
    THROTTLED,
    /** Any other answer. */
    REFUSED,
    /** No answer, or no connection. */
    UNREACHABLE,
    /** The mode is observe now, or a label withdrew it: nothing was sent. */
    CANCELLED,
    /** Nothing was sent; it is due again. */
    WAITING,
    /** Nothing was sent, and nothing ever can be. */
    IMPOSSIBLE
  }

  static SendResult answered(int status, long retryAfterMs, Instant checkedAt) {
    Kind kind =
        switch (status) {
          case 410 -> Kind.GONE;
          case 429, 502, 503, 504 -> Kind.THROTTLED;
          default -> status >= 200 && status <= 299 ? Kind.DELIVERED : Kind.REFUSED;
        };
    String reason = kind == Kind.DELIVERED ? null : "answered " + status;
    return new SendResult(kind, status, retryAfterMs, reason, checkedAt);
  }

  static SendResult unreachable(String reason, @Nullable Instant checkedAt) {
    return new SendResult(Kind.UNREACHABLE, 0, 0, reason, checkedAt);
  }

  static SendResult unsent(Kind kind, String reason) {
    return new SendResult(kind, 0, 0, reason, null);
  }

  /** Whether the sink may have seen it. */
  boolean started() {
    return checkedAt != null;
  }
}
