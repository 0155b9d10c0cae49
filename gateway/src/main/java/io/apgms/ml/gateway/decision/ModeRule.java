package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.flags.Mode;
import io.apgms.ml.flags.ModeSource;
import io.apgms.ml.scoring.ServedModel;

/** The mode as the flags have it, weakened by what only the gateway knows. */
record ModeRule(DecisionFlow.Parts parts) {
  Mode of(Pending p, ServedModel model, boolean review, long now) {
    ScoreCall call = p.call;
    Mode mode =
        parts
            .modes()
            .decide(new FlagContext(call.modelId(), p.terms.tenant(), call.entityId()), now);
    if (mode.mode() == DecisionMode.OBSERVE) {
      return mode;
    }
    if (call.modelVersion() != null && !isActive(model)) {
      return observe(mode, ModeSource.DEFAULT);
    }
    DecisionLog log = parts.log();
    if (log == null || !log.databaseUp()) {
      return observe(mode, ModeSource.UNLOGGED);
    }
    if (review && !parts.cap().take(call.modelId(), now)) {
      return observe(mode, ModeSource.CAP);
    }
    return mode;
  }

  private boolean isActive(ServedModel model) {
    ServedModel active = parts.runtime().active(model.modelId());
    return active != null && active.version().equals(model.version());
  }

  static Mode observe(Mode act, ModeSource why) {
    return new Mode(DecisionMode.OBSERVE, why, act.flagAgeMs());
  }
}
