package io.apgms.ml.scoring;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * What became of a {@link ScoreBatch}: all of its rows were scored, or none counts.
 *
 * @param scores in [0, 1], rounded to six decimals; empty unless {@link Outcome#SCORED}
 * @param model that scored it, or was to; null where there is none
 */
@SuppressWarnings("ArrayRecordComponent") // travels by reference; never compared
public record ScoredBatch(long id, Outcome outcome, double[] scores, @Nullable ServedModel model) {}
