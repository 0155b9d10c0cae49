package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.Decision;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.Mode;
import io.apgms.ml.flags.ModeSource;
import io.apgms.ml.scoring.Explanation;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A decision that is durable and may be answered.
 *
 * @param score rounded to six decimals
 * @param review whether the score reached the threshold
 * @param enforced whether the hold is in force
 * @param explanation where the caller asked for it
 */
public record Decided(
    UUID id,
    String modelId,
    String modelVersion,
    double score,
    double threshold,
    boolean review,
    boolean enforced,
    Mode mode,
    @Nullable Explanation explanation) {
  /** Without an explanation. */
  public Decided(
      UUID id,
      String modelId,
      String modelVersion,
      double score,
      double threshold,
      boolean review,
      boolean enforced,
      Mode mode) {
    this(id, modelId, modelVersion, score, threshold, review, enforced, mode, null);
  }

  /** As it was kept. */
  static Decided of(Decision d) {
    return new Decided(
        d.id(),
        d.modelId(),
        d.modelVersion(),
        d.score(),
        d.threshold(),
        d.review(),
        d.enforced(),
        new Mode(
            d.act() ? DecisionMode.ACT : DecisionMode.OBSERVE,
            ModeSource.valueOf(d.modeSource().toUpperCase(Locale.ROOT)),
            d.flagAgeMs()),
        Explanations.of(d));
  }
}
