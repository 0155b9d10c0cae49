package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ServedModel;

/** What comes over the wire is no decision unless it is a score. */
final class Scores {
  private Scores() {}

  static boolean isScore(double score) {
    return score >= 0 && score <= 1;
  }

  static ScoreResult result(Outcome outcome, double score, ServedModel model) {
    if (outcome != Outcome.SCORED) {
      return new ScoreResult(outcome, 0, model);
    }
    return isScore(score)
        ? new ScoreResult(Outcome.SCORED, score, model)
        : new ScoreResult(Outcome.INVALID_OUTPUT, 0, model);
  }
}
