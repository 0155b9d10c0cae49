package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One person's word on one ticket, bound to what was approved.
 *
 * @param id also its nonce
 * @param gate what a waiver waives; null for the others
 * @param bound what it is bound to: another byte voids it
 * @param signoff what a risk sign-off states; null for the others
 * @param reason the comment; why a gate is waived or thresholds change
 * @param expiresAt it counts before this, by the database's clock
 * @param withdrawn when its author took it back; null where it stands
 */
public record Approval(
    UUID id,
    Kind kind,
    @Nullable Waivable gate,
    String actor,
    Instant at,
    Bound bound,
    @Nullable Signoff signoff,
    String reason,
    Instant expiresAt,
    UUID auditId,
    @Nullable Instant withdrawn) {

  /** Whose word it is: a data scientist's, or that of compliance. */
  public enum Kind {
    peer_review,
    risk_signoff,
    waiver
  }

  /**
   * The candidate's manifest and the evidence.
   *
   * @param evidence the n of the ticket's evidence; 0 in a request that names digests only
   */
  public record Bound(String manifestDigest, String evidenceDigest, int evidence) {
    public Bound {
      Text.requireDigest(manifestDigest);
      Text.requireDigest(evidenceDigest);
    }
  }

  /**
   * What compliance states about the regulated thresholds.
   *
   * @param baseVersion the active version they were compared with; null where none is active
   * @param baseDigest of its manifest
   * @param changeReason why they change; null where they do not
   * @param namedAuditId the audit entry that the sign-off refers to
   */
  public record Signoff(
      @Nullable String baseVersion,
      @Nullable String baseDigest,
      boolean thresholdsUnchanged,
      @Nullable String changeReason,
      UUID namedAuditId) {
    public Signoff {
      Text.optional("changeReason", changeReason, Text.MAX_REASON);
      if (thresholdsUnchanged != (changeReason == null)) {
        throw new RegistryException.Invalid(
            thresholdsUnchanged
                ? "changeReason with thresholdsUnchanged, expected none"
                : "changeReason is missing, expected why the regulated thresholds change");
      }
    }
  }
}
