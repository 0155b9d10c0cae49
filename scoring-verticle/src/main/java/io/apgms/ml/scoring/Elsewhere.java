package io.apgms.ml.scoring;

import io.vertx.core.Future;

/** Where a process that loads no model has its rows scored. Callable from any thread. */
public interface Elsewhere {
  /**
   * Rows of a {@link ScoreChunk} at most: no more than the least window, so one has room for it.
   */
  int MOST_ROWS = 64;

  /** Whether a process that can be reached serves this very artifact. */
  boolean serves(String modelId, String version, String digest);

  /** Whether every process that can be reached and serves the model serves this very artifact. */
  boolean servesEverywhere(String modelId, String version, String digest);

  /**
   * As {@link ScoringRuntime#explain}, but later and on any thread; EXPIRED at the deadline.
   *
   * @param deadlineNanos of {@link System#nanoTime()}
   */
  Future<ExplainResult> explain(ServedModel model, float[] row, double score, long deadlineNanos);
}
