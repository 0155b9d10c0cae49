package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ServedModel;
import org.jspecify.annotations.Nullable;

/** Rows of one version that were asked for together; they are answered once. */
interface Part {
  /** By what they are to be scored, as it was verified in this process. */
  ServedModel model();

  boolean batch();

  /** Their answer, by that very version; or why there is none. */
  void done(@Nullable Answer answer, Outcome none);

  /**
   * Where parts are sent. What they hurry for is the first deadline of all that wait for them:
   * those of the other parts of a chunk too, as it is answered whole.
   */
  interface Offer {
    void offer(Part part, float[] rows, long[] deadlinesNanos, long hurryNanos, long now);
  }
}
