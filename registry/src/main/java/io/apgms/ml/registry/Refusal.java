package io.apgms.ml.registry;

import java.util.Locale;

/**
 * One reason why something is not approved or promoted.
 *
 * @param detail the offending and the expected value
 */
public record Refusal(Rule rule, String detail) {
  /** What is asked of an approval or a promotion; each is refused with its own. */
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
