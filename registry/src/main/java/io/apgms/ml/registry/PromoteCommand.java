package io.apgms.ml.registry;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request to promote a version.
 *
 * @param digest of the artifact the caller has verified and staged
 * @param ticket {@code MLAPPROVAL-n}
 * @param onRevision the active revision this was decided over; null where the model has none. When
 *     another one is active by then, nothing is done
 * @param policyDigest {@code sha256:…} of the gates' policy in force, which the evidence must have
 *     followed; null where none is known
 * @param rerun what the gates that can be run again said of the staged bytes just now
 */
public record PromoteCommand(
    String model,
    String version,
    String digest,
    String ticket,
    String actor,
    String reason,
    @Nullable Integer onRevision,
    @Nullable String policyDigest,
    List<GateResult> rerun) {
  public PromoteCommand {
    Names.requireModel(model);
    Names.requireVersion(version);
    Text.requireDigest(digest);
    Text.require("ticket", ticket, 64);
    Text.require("actor", actor, Text.MAX_ID);
    Text.require("reason", reason, Text.MAX_REASON);
    rerun = List.copyOf(rerun);
  }
}
