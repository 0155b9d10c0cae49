package io.apgms.ml.registry;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.Approval.Signoff;
import io.apgms.ml.registry.RegulatedThresholds.Difference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A person's approval of what that person saw.
 *
 * @param ticket {@code MLAPPROVAL-n}
 * @param bound the digests that were shown; its evidence number is not read
 * @param gate of a waiver
 * @param signoff of a risk sign-off
 * @param differences of a risk sign-off: how the regulated thresholds change against its base
 */
public record ApprovalRequest(
    String ticket,
    Kind kind,
    String actor,
    String reason,
    Bound bound,
    @Nullable Waivable gate,
    @Nullable Signoff signoff,
    List<Difference> differences) {
  public ApprovalRequest {
    Text.require("actor", actor, Text.MAX_ID);
    Text.require("reason", reason, Text.MAX_REASON);
    differences = List.copyOf(differences);
    if ((kind == Kind.waiver) != (gate != null)
        || (kind == Kind.risk_signoff) != (signoff != null)) {
      throw new RegistryException.Invalid(
          kind + " with gate " + gate + " and " + signoff + ", expected only its own part");
    }
  }

  /** A data scientist's. */
  public static ApprovalRequest review(String ticket, String actor, String reason, Bound bound) {
    return new ApprovalRequest(
        ticket, Kind.peer_review, actor, reason, bound, null, null, List.of());
  }

  /** Compliance's word on a gate that could not conclude, or on a spent error budget. */
  public static ApprovalRequest waiver(
      String ticket, String actor, String reason, Bound bound, Waivable gate) {
    return new ApprovalRequest(ticket, Kind.waiver, actor, reason, bound, gate, null, List.of());
  }
}
