package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.Decision;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.gateway.trace.Trace;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoreRequest;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ServedModel;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One request on its way through a {@link DecisionFlow}; confined to the flow's loop. */
final class Pending {
  final ScoreCall call;
  final Terms terms;
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

  Pending(ScoreCall call, Terms terms, Reply reply) {
    this.call = call;
    this.terms = terms;
    this.reply = reply;
  }

  ScoreRequest request(@Nullable String version) {
    return new ScoreRequest(call.modelId(), version, call.row(), terms.deadlineNanos());
  }

  ServedModel model() {
    return Objects.requireNonNull(model, "scored");
  }

  Decided decided() {
    return Objects.requireNonNull(decided, "decided");
  }

  /** Tells its trace, where it has one, of the way to the model and back. */
  void scored(SentChunk sent, ScoredChunk chunk, long now) {
    Trace trace = terms.trace();
    if (trace != null) {
      trace.scored(
          new Trace.Scored(
              sent.sentNanos(),
              chunk.startedNanos(),
              now,
              sent.requests().size(),
              chunk.batchRows()));
    }
  }

  /** Tells its trace of a write that ends now. */
  void kept(Trace.Store store, long fromNanos, @Nullable Throwable failure) {
    Trace trace = terms.trace();
    if (trace != null) {
      String why = failure == null ? null : failure.getClass().getSimpleName();
      trace.kept(new Trace.Kept(store, fromNanos, System.nanoTime(), why));
    }
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
