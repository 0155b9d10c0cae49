package io.apgms.ml.gateway.decision;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The trials that this replica takes part in, for decisions to look at: one volatile read where
 * there is none. What PostgreSQL said counts for two seconds, as with everything that may act.
 */
public final class TrialBoard {
  static final long LEASE_NANOS = TimeUnit.SECONDS.toNanos(2);

  private volatile View view = new View(Map.of(), 0);

  /** What was shown at one time. */
  record View(Map<String, LiveTrial> byModel, long readAtNanos) {
    boolean isEmpty() {
      return byModel.isEmpty();
    }

    @Nullable LiveTrial of(String modelId, long nowNanos) {
      return nowNanos - readAtNanos > LEASE_NANOS ? null : byModel.get(modelId);
    }
  }

  /**
   * Shows these in place of those before.
   *
   * @param byModel by model id
   * @param readAtNanos before PostgreSQL was asked, of {@link System#nanoTime()}
   */
  public void show(Map<String, LiveTrial> byModel, long readAtNanos) {
    view = new View(Map.copyOf(byModel), readAtNanos);
  }

  View view() {
    return view;
  }

  /** Whether a trial of the model runs here now. */
  public boolean isLive(String modelId, long nowNanos) {
    return view.of(modelId, nowNanos) != null;
  }
}
