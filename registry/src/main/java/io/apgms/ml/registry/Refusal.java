package io.apgms.ml.registry;

import java.util.Locale;

/**
 * One reason why something is not approved, promoted or put on trial.
 *
 * @param detail the offending and the expected value
 */
public record Refusal(Rule rule, String detail) {
  /** What is asked of an approval, a promotion or a trial; each is refused with its own. */
  public enum Rule {
    NO_TICKET,
    TICKET_CLOSED,
    TICKET_USED,
    NOT_PROMOTED,
    OTHER_ARTIFACT,
    NO_EVIDENCE,
    STALE_BINDING,
    STALE_POLICY,
    SELF_APPROVAL,
    TWO_PARTS,
    TWICE,
    THRESHOLDS,
    NOTHING_TO_WAIVE,
    GATE,
    ERROR_BUDGET,
    NO_PEER_REVIEW,
    NO_SIGNOFF,
    PROMOTER,
    PINNED,
    ROLLED_BACK,
    ACTIVE_ALREADY;

    /** As it is written: {@code self-approval}. */
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  @Override
  public String toString() {
    return rule.word() + ": " + detail;
  }
}
