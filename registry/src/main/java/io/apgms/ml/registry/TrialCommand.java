package io.apgms.ml.registry;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request to put a second version on trial.
 *
 * @param digest of the artifact the caller has verified
 * @param ticket {@code MLAPPROVAL-n} for a canary that was never active; null for any other
 * @param onRevision the active revision this was decided over; when another one is active by then,
 *     nothing is done
 * @param policyDigest as for a promotion
 * @param rerun as for a promotion
 */
public record TrialCommand(
    String model,
    Trial.Kind kind,
    String version,
    String digest,
    @Nullable String ticket,
    TrialBounds bounds,
    String actor,
    String reason,
    int onRevision,
    @Nullable String policyDigest,
    List<GateResult> rerun) {
  public TrialCommand {
    Names.requireModel(model);
    Names.requireVersion(version);
    Text.requireDigest(digest);
    Text.optional("ticket", ticket, 64);
    Text.require("actor", actor, Text.MAX_ID);
    Text.require("reason", reason, Text.MAX_REASON);
    rerun = List.copyOf(rerun);
    if (kind == Trial.Kind.shadow && ticket != null) {
      throw new RegistryException.Invalid(
          "ticket " + ticket + " for a shadow, expected none: it never answers");
    }
  }

  /** The promotion that the same ticket would have to allow. */
  PromoteCommand asPromotion(String approvedBy) {
    return new PromoteCommand(
        model, version, digest, approvedBy, actor, reason, onRevision, policyDigest, rerun);
  }
}
