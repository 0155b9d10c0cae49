package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.Decision;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ServedModel;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One request on its way through a {@link DecisionFlow}; confined to the flow's loop. */
final class Pending {
  final ScoreCall call;
  final DecisionFlow.Terms terms;
  final Reply reply;
  boolean answered;

  /** The trial that it is compared in; whether its second version is asked, or was in vain. */
  @Nullable LiveTrial trial;

  boolean bySecond;
  boolean secondFailed;
  boolean trialSettled;
  @Nullable ServedModel model;
  @Nullable Explanation explanation;
  @Nullable Decided decided;

  Pending(ScoreCall call, DecisionFlow.Terms terms, Reply reply) {
    this.call = call;
    this.terms = terms;
    this.reply = reply;
  }

  ServedModel model() {
    return Objects.requireNonNull(model, "scored");
  }

  Decided decided() {
    return Objects.requireNonNull(decided, "decided");
  }

  Decision toDecision() {
    Decided d = decided();
    return new Decision(
        d.id(),
        d.modelId(),
        d.modelVersion(),
        model().digest(),
        call.row(),
        call.groups(),
        d.score(),
        d.threshold(),
        d.review(),
        d.mode().mode() == DecisionMode.ACT,
        d.enforced(),
        d.mode().source().wire(),
        d.mode().flagAgeMs(),
        call.requestId(),
        terms.bodyHash(),
        call.entityId(),
        Explanations.kept(d.explanation()));
  }
}
