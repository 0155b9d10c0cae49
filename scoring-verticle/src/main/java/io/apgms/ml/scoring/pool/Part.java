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

  /** Where parts are sent. */
  interface Offer {
    void offer(Part part, VersionKey version, float[] rows, long[] deadlinesNanos, long now);
  }
}
