package io.apgms.ml.scoring;

/** Where a process that loads no model has its rows scored. Callable from any thread. */
public interface Elsewhere {
  /** Whether a process that can be reached serves this very artifact. */
  boolean serves(String modelId, String version, String digest);

  /**
   * As {@link ScoringRuntime#explain}. Blocking, for milliseconds; EXPIRED at the deadline.
   *
   * @param deadlineNanos of {@link System#nanoTime()}
   */
  ExplainResult explain(ServedModel model, float[] row, double score, long deadlineNanos);
}
