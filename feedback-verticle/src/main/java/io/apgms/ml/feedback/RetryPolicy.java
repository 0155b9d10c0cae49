package io.apgms.ml.feedback;

import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/**
 * What becomes of a delivery after an attempt. Waits are drawn between zero and a bound that
 * doubles ("full jitter", Brooker 2015). In the first hour an attempt and its wait together stay
 * under 30 s; after 24 h it is given up.
 */
final class RetryPolicy {
  /** After its action was written. */
  static final long GIVE_UP_MS = TimeUnit.HOURS.toMillis(24);

  static final long FIRST_HOUR_MS = TimeUnit.HOURS.toMillis(1);

  /** With connecting (6 s), the answer (10 s) and a turn of the dispatcher: under 30 s. */
  static final long FIRST_HOUR_BOUND_MS = 13_000;

  static final long LATER_BOUND_MS = TimeUnit.MINUTES.toMillis(10);
  static final long WAITING_MS = 1_000;
  private static final long FIRST_BOUND_MS = 500;
  private static final long LEAST_MS = 20;
  private static final int MAX_DOUBLINGS = 16;

  private final RandomGenerator random;

  RetryPolicy(RandomGenerator random) {
    this.random = random;
  }

  /**
   * The next state.
   *
   * @param state pending, sent, cancelled or dead
   * @param delayMs until it is due again, where it is pending
   */
  record Next(String state, long delayMs) {}

  Next after(SendResult result, Delivery d) {
    return switch (result.kind()) {
      case DELIVERED -> new Next("sent", 0);
      case CANCELLED -> new Next("cancelled", 0);
      case GONE, IMPOSSIBLE -> new Next("dead", 0);
      case WAITING -> new Next("pending", WAITING_MS);
      case THROTTLED, REFUSED, UNREACHABLE -> retry(result, d);
    };
  }

  private Next retry(SendResult result, Delivery d) {
    long delay = Math.max(drawn(d), Math.min(result.retryAfterMs(), bound(d)));
    return delay >= d.leftMs() ? new Next("dead", 0) : new Next("pending", delay);
  }

  private long drawn(Delivery d) {
    long doubled = FIRST_BOUND_MS << Math.min(d.attempts(), MAX_DOUBLINGS);
    return Math.max(LEAST_MS, random.nextLong(Math.min(doubled, bound(d)) + 1));
  }

  /** The longest wait of a delivery of that age. */
  static long bound(Delivery d) {
    return GIVE_UP_MS - d.leftMs() < FIRST_HOUR_MS ? FIRST_HOUR_BOUND_MS : LATER_BOUND_MS;
  }
}
