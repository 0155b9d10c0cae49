package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoreBatch;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoredBatch;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import org.jspecify.annotations.Nullable;

/** A batch: all of its rows are scored by one version, or none counts. */
record BatchWork(Vertx vertx, ScoreBatch of, ServedModel model) implements Part {
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);
  private static final double[] NONE = {};

  static void take(Vertx vertx, ScoreBatch of, ScoringRuntime runtime, Part.Offer offer, long now) {
    ServedModel model =
        of.version() == null
            ? runtime.active(of.modelId())
            : runtime.loaded(of.modelId(), of.version());
    if (model == null) {
      answer(vertx, of, runtime.whyNone(of.modelId(), of.version()), NONE, null);
    } else if (of.count() < 1 || of.count() > Wire.MAX_ROWS) {
      answer(vertx, of, Outcome.OVERLOADED, NONE, null);
    } else if (of.rows().length != of.count() * model.features().size()) {
      answer(vertx, of, Outcome.FAILED, NONE, model);
    } else {
      offer.offer(
          new BatchWork(vertx, of, model),
          of.rows(),
          new long[] {of.deadlineNanos()},
          of.deadlineNanos(),
          now);
    }
  }

  @Override
  public boolean batch() {
    return true;
  }

  @Override
  public void done(@Nullable Answer answer, Outcome none) {
    Outcome outcome = answer == null ? none : answer.outcomes()[0];
    double[] scores = answer == null || outcome != Outcome.SCORED ? NONE : answer.scores();
    for (double score : scores) {
      if (!Scores.isScore(score)) {
        answer(vertx, of, Outcome.INVALID_OUTPUT, NONE, model);
        return;
      }
    }
    answer(vertx, of, outcome, scores, model);
  }

  private static void answer(
      Vertx vertx, ScoreBatch of, Outcome outcome, double[] scores, @Nullable ServedModel model) {
    vertx.eventBus().send(of.replyTo(), new ScoredBatch(of.id(), outcome, scores, model), LOCAL);
  }
}
