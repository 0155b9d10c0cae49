package io.apgms.ml.gateway.decision;

import io.apgms.ml.scoring.ScoreResult;
import org.jspecify.annotations.Nullable;

/** Why a request got no decision. */
public enum Refusal {
  /** The queue before the model is full. */
  OVERLOADED,
  /** Its loop has as many as it answers in time. */
  LIMITED,
  /** Its time was up before it was decided. */
  EXPIRED,
  /** No version of the model is active. */
  NO_MODEL,
  /** The version asked for is not loaded. */
  NO_VERSION,
  /** The version asked for is revoked. */
  REVOKED,
  /** The model gave something that is no score. */
  INVALID_OUTPUT,
  /** The model failed. */
  FAILED,
  /** The decision could not be logged, so it was not made. */
  NOT_LOGGED,
  /** Whether the decision was committed is not known. */
  UNKNOWN_OUTCOME,
  /** Another body came with this requestId before. */
  REQUEST_ID_REUSED;

  /** Null of what was scored. */
  static @Nullable Refusal of(ScoreResult.Outcome outcome) {
    return switch (outcome) {
      case SCORED -> null;
      case EXPIRED -> EXPIRED;
      case OVERLOADED -> OVERLOADED;
      case NO_MODEL -> NO_MODEL;
      case NO_VERSION -> NO_VERSION;
      case REVOKED -> REVOKED;
      case INVALID_OUTPUT -> INVALID_OUTPUT;
      case FAILED -> FAILED;
    };
  }
}
