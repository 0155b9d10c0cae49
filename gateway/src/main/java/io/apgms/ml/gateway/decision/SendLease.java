package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.ActionLease;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.flags.Mode;
import org.jspecify.annotations.Nullable;

/**
 * The mode of a hold at the moment at which it is sent. A forced observe and a flag that says
 * observe cancel it. Where this replica does not know (no reading of the forced modes in the last
 * two seconds, no flag yet, a stale one) it waits, and so it does on a replica that is pinned: the
 * pin is that replica's alone.
 */
public final class SendLease implements ActionLease {
  private final DecisionModes modes;

  public SendLease(DecisionModes modes) {
    this.modes = modes;
  }

  @Override
  public Verdict check(String modelId, @Nullable String tenant, @Nullable String entityId) {
    Mode mode = modes.resolve(new FlagContext(modelId, tenant, entityId), System.nanoTime());
    return new Verdict(may(mode), mode.source().wire());
  }

  private static May may(Mode mode) {
    if (mode.mode() == DecisionMode.ACT) {
      return May.ACT;
    }
    return switch (mode.source()) {
      case OVERRIDE, UNLEASH, FILE -> May.OBSERVE;
      case ENV, DEFAULT, STALE, CAP, UNLOGGED -> May.UNKNOWN;
    };
  }
}
