package io.apgms.ml.gateway.decision;

import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * Which version makes a decision while a second one is on trial, and what is compared afterwards. A
 * request that names a version gets it and is no part of any trial.
 */
record TrialRule(DecisionFlow.Parts parts) {
  /** The version to score with; null for the active one. */
  @Nullable String version(Pending p, TrialBoard.View trials, long now) {
    ScoreCall call = p.call;
    if (call.modelVersion() != null || p.trialSettled || trials.isEmpty()) {
      return call.modelVersion();
    }
    LiveTrial live = trials.of(call.modelId(), now);
    if (live == null) {
      return null;
    }
    if (live.trial().kind() == Trial.Kind.shadow) {
      p.trial = live;
      return null;
    }
    FlagContext context = new FlagContext(call.modelId(), p.terms.tenant(), call.entityId());
    if (!parts.modes().canary().chooses(context, now)) {
      return null;
    }
    p.trial = live;
    p.bySecond = true;
    return live.trial().version();
  }

  /**
   * Whether the canary could not answer: it is gone by now, or gave no score, which counts against
   * it. The active version then does; a trial costs no request.
   */
  boolean fallsBack(Pending p, Outcome outcome) {
    if (!p.bySecond) {
      return false;
    }
    switch (outcome) {
      case SCORED, EXPIRED, OVERLOADED -> {
        return false;
      }
      case INVALID_OUTPUT, FAILED -> p.secondFailed = true;
      case NO_MODEL, NO_VERSION, REVOKED -> p.trial = null;
    }
    p.bySecond = false;
    p.trialSettled = true;
    return true;
  }

  /** After the answer was sent; a decision that was made before is compared no second time. */
  void answered(Pending p, Decided decided) {
    LiveTrial live = p.trial;
    if (live != null && decided.id().equals(p.decided().id())) {
      live.offer(
          new ShadowScoring.Row(
              live,
              decided.id(),
              p.call.row(),
              p.model().digest(),
              decided.score(),
              decided.review(),
              p.secondFailed));
    }
  }
}
