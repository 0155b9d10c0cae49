package io.apgms.ml.gateway.decision;

import io.apgms.ml.registry.Trial;
import io.apgms.ml.scoring.ApartModel;
import java.util.concurrent.atomic.LongAdder;

/**
 * A trial that this replica takes part in. Whichever version answers, the other one scores the same
 * row behind the answer, out of reach of any request.
 */
public final class LiveTrial {
  private final Trial trial;
  private final ApartModel other;
  private final ShadowScoring shadow;
  private final LongAdder dropped = new LongAdder();
  private volatile boolean over;

  /**
   * One that begins here.
   *
   * @param other of a shadow the second version, of a canary the active one; closed by {@code
   *     shadow} once this is over
   */
  public LiveTrial(Trial trial, ApartModel other, ShadowScoring shadow) {
    this.trial = trial;
    this.other = other;
    this.shadow = shadow;
  }

  Trial trial() {
    return trial;
  }

  /** For the thread of {@link ShadowScoring} alone. */
  ApartModel other() {
    return other;
  }

  /** Takes a row that was answered; drops and counts it where too many wait. */
  void offer(ShadowScoring.Row row) {
    if (!over && !shadow.offer(row)) {
      dropped.increment();
    }
  }

  long takeDropped() {
    return dropped.sumThenReset();
  }

  boolean isOver() {
    return over;
  }

  /** Ends it here: what waits is forgotten, and the other version freed. */
  public void end() {
    over = true;
    shadow.retire(this);
  }
}
