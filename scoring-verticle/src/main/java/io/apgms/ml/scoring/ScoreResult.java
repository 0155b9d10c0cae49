package io.apgms.ml.scoring;

import org.jspecify.annotations.Nullable;

/**
 * What became of one row.
 *
 * @param score in [0, 1], rounded to six decimals; 0 unless {@link Outcome#SCORED}
 * @param model that scored it, or was to; null where there is none
 */
public record ScoreResult(Outcome outcome, double score, @Nullable ServedModel model) {
  /** Why there is a score or none. */
  public enum Outcome {
    SCORED,
    /** The deadline had passed before the model ran. */
    EXPIRED,
    /** The queue was full. */
    OVERLOADED,
    /** No version of the model is active. */
    NO_MODEL,
    /** The version asked for is not loaded. */
    NO_VERSION,
    /** The version asked for must not be used any more. */
    REVOKED,
    /** The model gave something that is no number in [0, 1]. */
    INVALID_OUTPUT,
    /** The forward pass failed. */
    FAILED
  }

  static ScoreResult none(Outcome why, @Nullable ServedModel model) {
    return new ScoreResult(why, 0, model);
  }
}
