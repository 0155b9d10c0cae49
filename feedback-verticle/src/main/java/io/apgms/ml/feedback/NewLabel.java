package io.apgms.ml.feedback;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A human's verdict on a prediction, as it was sent. */
public record NewLabel(
    UUID predictionId,
    String modelId,
    String modelVersion,
    Label label,
    Source source,
    String submittedBy,
    @Nullable String notes,
    @Nullable String metadataJson,
    Instant observedAt) {

  /** The verdict; a positive is a case recommended for review. */
  public enum Label {
    FALSE_POSITIVE,
    FALSE_NEGATIVE,
    TRUE_POSITIVE,
    TRUE_NEGATIVE;

    /** Whether the outcome was the adverse one. */
    public boolean adverse() {
      return this == TRUE_POSITIVE || this == FALSE_NEGATIVE;
    }

    /** Whether the verdict can be on a case recommended for review. */
    boolean positive() {
      return this == FALSE_POSITIVE || this == TRUE_POSITIVE;
    }
  }

  /** Who gives verdicts. */
  public enum Source {
    REGULATOR,
    FINANCE,
    OPERATOR
  }
}
