package io.apgms.ml.gateway.decision;

import com.netflix.concurrency.limits.Limit;
import com.netflix.concurrency.limits.limit.AIMDLimit;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How many scoring requests one event loop takes on at a time: as many as it answers within a bound
 * of time. One more after each turn that kept it, a tenth less after each that did not (additive
 * increase, multiplicative decrease: Chiu and Jain 1989).
 *
 * <p>A loop reads every socket that has something before it does anything else, so the requests of
 * one turn are the queue before the model, and how long they take is how long the next request
 * waits unseen in its socket. The time that refusals take does not count: fewer requests would not
 * make it shorter, and a limit that shrank for it would end in refusing everybody.
 *
 * <p>Confined to its loop.
 */
public final class LoopLimit {
  static final int LEAST = 8;
  static final int MOST = 4_096;
  private static final int FIRST = 1_024;
  private static final double BACKOFF = 0.9;
  private static final double FORGET = 15 / 16.0; // a turn's weight beside the next one's

  private final Executor loop;
  private final @Nullable Limit limit;
  private int most;
  private int taken;
  private int scoring;
  private double recentNanos;
  private double recentRequests;

  /**
   * Of one loop.
   *
   * @param loop runs a task at the end of this turn
   * @param boundMs for the requests of a turn, from the first one to the last answer; 0 for no
   *     limit
   */
  public LoopLimit(Executor loop, int boundMs) {
    this.loop = loop;
    this.limit =
        boundMs == 0
            ? null
            : AIMDLimit.newBuilder()
                .initialLimit(FIRST)
                .minLimit(LEAST)
                .maxLimit(MOST)
                .backoffRatio(BACKOFF)
                .timeout(boundMs, TimeUnit.MILLISECONDS)
                .build();
    this.most = limit == null ? Integer.MAX_VALUE : limit.getLimit();
  }

  /** Takes one request of this turn; false when it is one too many. */
  public boolean take() {
    if (full()) {
      return false;
    }
    takeAnyway();
    return true;
  }

  /** Counts a request that cannot be refused yet. */
  public void takeAnyway() {
    if (taken++ == 0) {
      loop.execute(() -> taken = 0);
    }
  }

  private boolean full() {
    return taken + scoring >= most;
  }

  /** Whether this turn has more requests than it may have. */
  public boolean over() {
    return taken + scoring > most;
  }

  /** Requests left for the model. */
  void sent(int requests) {
    taken = Math.max(0, taken - requests);
    scoring += requests;
  }

  /**
   * They came back and were answered.
   *
   * @param tookNanos all that was done for them
   */
  void scored(int requests, long tookNanos) {
    int inFlight = scoring;
    scoring -= requests;
    recentNanos = recentNanos * FORGET + tookNanos;
    recentRequests = recentRequests * FORGET + requests;
    if (limit != null) {
      // As long as so many take by and large: one turn that was interrupted says little.
      limit.onSample(0, (long) (recentNanos / recentRequests * inFlight), inFlight, false);
      most = limit.getLimit();
    }
  }

  /** They were given up. */
  void lost(int requests) {
    scoring -= requests;
  }
}
