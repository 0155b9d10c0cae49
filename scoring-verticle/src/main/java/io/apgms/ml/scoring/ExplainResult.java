package io.apgms.ml.scoring;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * What became of an explanation.
 *
 * @param explanation there where the outcome is {@link Outcome#SCORED}
 */
public record ExplainResult(Outcome outcome, @Nullable Explanation explanation) {}
