package io.apgms.ml.registry;

import static io.apgms.ml.registry.TicketFixture.ACTIVE;
import static io.apgms.ml.registry.TicketFixture.DIGEST;
import static io.apgms.ml.registry.TicketFixture.NOW;
import static io.apgms.ml.registry.TicketFixture.OTHER;
import static io.apgms.ml.registry.TicketFixture.changed;
import static io.apgms.ml.registry.TicketFixture.command;
import static io.apgms.ml.registry.TicketFixture.evidence;
import static io.apgms.ml.registry.TicketFixture.unchanged;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.ErrorBudget.Used;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Refusal.Rule;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** One planted violation a rule; each is refused by that rule and no other. */
class TicketRulesTest {
  private static final Used SPENT = new Used(20_000, 31, 20);

  private final TicketFixture ticket = new TicketFixture();
  private Used used = Used.NOTHING;

  private List<Rule> promotion(String actor, Pointer active) {
    return TicketRules.ofPromotion(ticket.state(), command(actor), active, used).stream()
        .map(Refusal::rule)
        .toList();
  }

  private List<Rule> promotion() {
    return promotion("dora", ACTIVE);
  }

  private List<Rule> approval(Kind kind, String actor) {
    return approval(kind, actor, ticket.bound());
  }

  private List<Rule> approval(Kind kind, String actor, Bound bound) {
    return TicketRules.ofApproval(ticket.state(), kind, bound, actor).stream()
        .map(Refusal::rule)
        .toList();
  }

  private void reviewIs(Bound bound, java.time.Instant expires, java.time.Instant withdrawn) {
    ticket.approvals.set(0, changed(ticket.approvals.get(0), bound, expires, withdrawn));
  }

  @Test
  void promotion_everythingThere_isAllowed() {
    assertThat(promotion()).isEmpty();
  }

  @Test
  void promotion_approvalsGivenOverNothing_countWhereNothingIsActive() {
    assertThat(promotion("dora", null)).containsExactly(Rule.NO_SIGNOFF);
    ticket.approvals.set(1, ticket.approval(Kind.risk_signoff, null, "cora", unchanged(null)));
    assertThat(promotion("dora", null)).isEmpty();
  }

  @Test
  void promotion_byAnAuthorOrAnApprover_isRefused() {
    for (String actor : List.of("ana", "ben", "cora")) {
      assertThat(promotion(actor, ACTIVE)).containsExactly(Rule.PROMOTER);
    }
    ticket.evidence.set(0, evidence(1, "dora", evidence(DIGEST, Outcome.pass)));
    assertThat(promotion()).containsExactly(Rule.PROMOTER);
  }

  @Test
  void promotion_withoutReview_isRefused() {
    ticket.approvals.remove(0);
    assertThat(promotion()).containsExactly(Rule.NO_PEER_REVIEW);
  }

  @Test
  void promotion_withoutSignoff_isRefused() {
    ticket.approvals.remove(1);
    assertThat(promotion()).containsExactly(Rule.NO_SIGNOFF);
  }

  @Test
  void promotion_reviewOfAnotherManifest_isRefused() {
    Bound seen = ticket.bound();
    reviewIs(new Bound(OTHER, seen.evidenceDigest(), 1), NOW.plusSeconds(9), null);
    assertThat(promotion()).containsExactly(Rule.NO_PEER_REVIEW);
  }

  @Test
  void promotion_reviewOfOtherEvidenceBytes_isRefused() {
    reviewIs(new Bound(DIGEST, OTHER, 1), NOW.plusSeconds(9), null);
    assertThat(promotion()).containsExactly(Rule.NO_PEER_REVIEW);
  }

  @Test
  void promotion_reviewExpired_isRefused() {
    reviewIs(ticket.bound(), NOW, null);
    assertThat(promotion()).containsExactly(Rule.NO_PEER_REVIEW);
    reviewIs(ticket.bound(), NOW.plusNanos(1), null);
    assertThat(promotion()).isEmpty();
  }

  @Test
  void promotion_reviewWithdrawn_isRefusedAndSaysSo() {
    reviewIs(ticket.bound(), NOW.plusSeconds(9), NOW.minusSeconds(1));
    assertThat(TicketRules.ofPromotion(ticket.state(), command("dora"), ACTIVE, used))
        .singleElement()
        .asString()
        .contains("that of ben is withdrawn");
  }

  @Test
  void promotion_newEvidence_voidsWhatWasApproved() {
    ticket.evidence.add(evidence(2, "ana", evidence(DIGEST, Outcome.pass)));
    assertThat(promotion()).containsExactly(Rule.NO_PEER_REVIEW, Rule.NO_SIGNOFF);
  }

  @Test
  void promotion_signedOverAnotherActiveVersion_isRefused() {
    Pointer moved = new Pointer(ACTIVE.model(), 3, "20261120", OTHER, null, NOW);
    assertThat(promotion("dora", moved)).containsExactly(Rule.NO_SIGNOFF);
  }

  @Test
  void promotion_ofAnotherArtifact_isRefused() {
    PromoteCommand other =
        new PromoteCommand(
            "risk-score", "20261124", OTHER, "MLAPPROVAL-7", "dora", "x", 2, null, List.of());
    assertThat(TicketRules.ofPromotion(ticket.state(), other, ACTIVE, used))
        .extracting(Refusal::rule)
        .containsExactly(Rule.OTHER_ARTIFACT);
  }

  @Test
  void promotion_ofAClosedOrUsedTicket_isRefused() {
    ticket.promoted = 3;
    assertThat(promotion()).containsExactly(Rule.TICKET_USED);
    ticket.promoted = null;
    ticket.closure =
        new TicketState.Closure(
            TicketState.Outcome.rejected, null, "ana", NOW, "no", UUID.randomUUID());
    assertThat(promotion()).containsExactly(Rule.TICKET_CLOSED);
  }

  @Test
  void promotion_whilePinned_isRefused() {
    Pointer pinned =
        new Pointer(
            ACTIVE.model(),
            2,
            ACTIVE.version(),
            ACTIVE.digest(),
            new Pointer.Pin("o", "x", NOW),
            NOW);
    assertThat(promotion("dora", pinned)).containsExactly(Rule.PINNED);
  }

  @Test
  void promotion_ofWhatIsActive_isRefused() {
    Pointer same = new Pointer(ACTIVE.model(), 3, "20261124", ACTIVE.digest(), null, NOW);
    assertThat(promotion("dora", same)).containsExactly(Rule.ACTIVE_ALREADY);
  }

  private void evidenceIs(GateEvidence document) {
    ticket.evidence.set(0, evidence(1, "ana", document));
    ticket.approvals.set(0, ticket.approval(Kind.peer_review, null, "ben", null));
    ticket.approvals.set(1, ticket.approval(Kind.risk_signoff, null, "cora", unchanged(ACTIVE)));
  }

  @Test
  void promotion_gateNotRunFailedOrInconclusive_isRefused() {
    for (Gate gate : Gate.values()) {
      GateEvidence all = evidence(DIGEST, Outcome.pass);
      evidenceIs(
          new GateEvidence(
              all.model(),
              all.version(),
              DIGEST,
              all.policyDigest(),
              all.results().stream().filter(r -> r.gate() != gate).toList()));
      assertThat(promotion()).as("" + gate).containsExactly(Rule.GATE);
    }
    for (Outcome outcome : List.of(Outcome.fail, Outcome.inconclusive)) {
      evidenceIs(evidence(DIGEST, outcome));
      assertThat(promotion()).containsExactly(Rule.GATE);
    }
  }

  @Test
  void promotion_waived_onlyForThatInconclusiveGate() {
    evidenceIs(evidence(DIGEST, Outcome.inconclusive));
    ticket.approvals.add(ticket.approval(Kind.waiver, Waivable.bias, "cora", null));
    assertThat(promotion()).containsExactly(Rule.GATE);
    ticket.approvals.add(ticket.approval(Kind.waiver, Waivable.smoke, "cora", null));
    assertThat(promotion()).isEmpty();
    evidenceIs(evidence(DIGEST, Outcome.fail));
    ticket.approvals.add(ticket.approval(Kind.waiver, Waivable.smoke, "cora", null));
    assertThat(promotion()).as("a failed gate is never waived").containsExactly(Rule.GATE);
  }

  @Test
  void promotion_budgetSpent_isRefusedUntilItIsWaived() {
    used = SPENT;
    assertThat(TicketRules.ofPromotion(ticket.state(), command("dora"), ACTIVE, used))
        .extracting(Refusal::toString)
        .containsExactly(
            "error-budget: the error budget of risk-score over 30 days has -0.5500 left: 31 bad of"
                + " 20000 requests, 20.0 allowed, counted from 10000 requests on, expected more"
                + " than 0, or a waiver by compliance (--gate error-budget)");
    ticket.approvals.add(ticket.approval(Kind.waiver, Waivable.smoke, "cora", null));
    assertThat(promotion()).as("another's waiver").containsExactly(Rule.ERROR_BUDGET);
    ticket.approvals.add(ticket.approval(Kind.waiver, Waivable.error_budget, "cora", null));
    assertThat(promotion()).isEmpty();
    ticket.evidence.add(evidence(2, "ana", evidence(DIGEST, Outcome.pass)));
    assertThat(promotion())
        .as("bound to the evidence, as every approval")
        .containsExactly(Rule.ERROR_BUDGET, Rule.NO_PEER_REVIEW, Rule.NO_SIGNOFF);
  }

  @Test
  void promotion_budgetNotSpentOrOfFewRequests_isAllowed() {
    used = new Used(20_000, 19, 20);
    assertThat(promotion()).isEmpty();
    used = new Used(9_999, 9_999, 9.999);
    assertThat(promotion()).as("too few to say").isEmpty();
    used = new Used(10_000, 9_999, 10);
    assertThat(promotion()).containsExactly(Rule.ERROR_BUDGET);
  }

  @Test
  void waiver_ofIntegrityOrABudgetThatIsNotSpent_isRefused() {
    for (Waivable never : List.of(Waivable.integrity, Waivable.error_budget)) {
      assertThat(WaiverRules.ofWaiver(ticket.state(), never, used))
          .extracting(Refusal::rule)
          .containsExactly(Rule.NOTHING_TO_WAIVE);
    }
    assertThat(WaiverRules.ofWaiver(ticket.state(), Waivable.error_budget, SPENT)).isEmpty();
    GateEvidence all = evidence(DIGEST, Outcome.pass);
    evidenceIs(
        new GateEvidence(
            all.model(),
            all.version(),
            DIGEST,
            all.policyDigest(),
            all.results().stream()
                .map(
                    r ->
                        r.gate() == Gate.integrity
                            ? new GateResult(r.gate(), Outcome.inconclusive, r.reasons())
                            : r)
                .toList()));
    assertThat(WaiverRules.ofWaiver(ticket.state(), Waivable.integrity, SPENT)).hasSize(1);
    ticket.approvals.add(ticket.approval(Kind.waiver, Waivable.integrity, "cora", null));
    assertThat(promotion()).as("also where a waiver stands").containsExactly(Rule.GATE);
  }

  @Test
  void promotion_gateRunAgainGivesAnother_countsBeforeTheEvidence() {
    PromoteCommand again =
        new PromoteCommand(
            "risk-score",
            "20261124",
            DIGEST,
            "MLAPPROVAL-7",
            "dora",
            "x",
            2,
            null,
            List.of(new GateResult(Gate.bias, Outcome.fail, List.of("sex 3 %"))));
    assertThat(TicketRules.ofPromotion(ticket.state(), again, ACTIVE, used))
        .extracting(Refusal::toString)
        .containsExactly(
            "gate: gate bias gives fail here, expected pass as the evidence says",
            "gate: gate bias is fail (sex 3 %), expected pass");
  }

  @Test
  void promotion_evidenceOfAnotherPolicy_isRefused() {
    assertThat(
            TicketRules.ofPromotion(
                ticket.state(),
                new PromoteCommand(
                    "risk-score",
                    "20261124",
                    DIGEST,
                    "MLAPPROVAL-7",
                    "dora",
                    "x",
                    2,
                    OTHER,
                    List.of()),
                ACTIVE,
                used))
        .extracting(Refusal::rule)
        .containsExactly(Rule.STALE_POLICY);
  }

  @Test
  void promotion_everythingWrong_listsEachReason() {
    ticket.approvals.clear();
    ticket.evidence.clear();
    ticket.promoted = 3;
    assertThat(promotion("ana", ACTIVE))
        .containsExactly(
            Rule.TICKET_USED,
            Rule.NO_EVIDENCE,
            Rule.NO_PEER_REVIEW,
            Rule.NO_SIGNOFF,
            Rule.PROMOTER);
  }

  @Test
  void approval_byAnAuthor_isSelfApproval() {
    assertThat(approval(Kind.peer_review, "ana")).containsExactly(Rule.SELF_APPROVAL);
    ticket.evidence.set(0, evidence(1, "ci", evidence(DIGEST, Outcome.pass)));
    assertThat(approval(Kind.risk_signoff, "ci")).containsExactly(Rule.SELF_APPROVAL);
    assertThat(approval(Kind.peer_review, "eve")).isEmpty();
  }

  @Test
  void approval_inTwoParts_isRefused() {
    assertThat(approval(Kind.risk_signoff, "ben")).containsExactly(Rule.TWO_PARTS);
    assertThat(approval(Kind.peer_review, "cora")).containsExactly(Rule.TWO_PARTS);
    assertThat(approval(Kind.waiver, "cora")).as("compliance waives too").isEmpty();
  }

  @Test
  void approval_ofWhatIsNotNewest_isRefused() {
    Bound seen = ticket.bound();
    ticket.evidence.add(evidence(2, "ana", evidence(DIGEST, Outcome.inconclusive)));
    assertThat(approval(Kind.peer_review, "eve", seen)).containsExactly(Rule.STALE_BINDING);
    Bound other = new Bound(OTHER, ticket.bound().evidenceDigest(), 2);
    assertThat(approval(Kind.peer_review, "eve", other)).containsExactly(Rule.STALE_BINDING);
    ticket.evidence.clear();
    assertThat(approval(Kind.peer_review, "eve", seen)).containsExactly(Rule.NO_EVIDENCE);
  }

  @Test
  void approval_twiceByOnePerson_isRefused() {
    assertThat(TicketRules.ofRepetition(ticket.state(), Kind.peer_review, null, "ben", null))
        .extracting(Refusal::rule)
        .containsExactly(Rule.TWICE);
    assertThat(TicketRules.ofRepetition(ticket.state(), Kind.peer_review, null, "eve", null))
        .isEmpty();
    String base = ACTIVE.digest();
    assertThat(TicketRules.ofRepetition(ticket.state(), Kind.risk_signoff, null, "cora", base))
        .hasSize(1);
    assertThat(TicketRules.ofRepetition(ticket.state(), Kind.risk_signoff, null, "cora", OTHER))
        .as("another version is active: signed anew")
        .isEmpty();
  }

  @Test
  void thresholds_statedAgainstTheDifference_areRefused() {
    var change = List.of(new RegulatedThresholds.Difference("threshold", "0.5", "0.6"));
    assertThat(TicketRules.ofThresholds(true, change)).singleElement().asString().contains("0.6");
    assertThat(TicketRules.ofThresholds(false, List.of())).hasSize(1);
    assertThat(TicketRules.ofThresholds(true, List.of())).isEmpty();
    assertThat(TicketRules.ofThresholds(false, change)).isEmpty();
  }

  @Test
  void waiver_ofWhatIsNotInconclusive_isRefused() {
    assertThat(WaiverRules.ofWaiver(ticket.state(), Waivable.smoke, used)).hasSize(1);
    evidenceIs(evidence(DIGEST, Outcome.fail));
    assertThat(WaiverRules.ofWaiver(ticket.state(), Waivable.smoke, used)).hasSize(1);
    evidenceIs(evidence(DIGEST, Outcome.inconclusive));
    assertThat(WaiverRules.ofWaiver(ticket.state(), Waivable.smoke, used)).isEmpty();
  }

  @Test
  void evidence_ofAnotherArtifact_isRefused() {
    assertThat(TicketRules.ofEvidence(ticket.state(), evidence(OTHER, Outcome.pass)))
        .extracting(Refusal::rule)
        .containsExactly(Rule.OTHER_ARTIFACT);
    assertThat(TicketRules.ofEvidence(ticket.state(), evidence(DIGEST, Outcome.pass))).isEmpty();
  }

  @Test
  void closing_againstWhatHappened_isRefused() {
    assertThat(TicketRules.ofClosing(ticket.state(), TicketState.Outcome.promoted))
        .extracting(Refusal::rule)
        .containsExactly(Rule.NOT_PROMOTED);
    assertThat(TicketRules.ofClosing(ticket.state(), TicketState.Outcome.rejected)).isEmpty();
    ticket.promoted = 3;
    assertThat(TicketRules.ofClosing(ticket.state(), TicketState.Outcome.rejected))
        .extracting(Refusal::rule)
        .containsExactly(Rule.TICKET_USED);
    assertThat(TicketRules.ofClosing(ticket.state(), TicketState.Outcome.promoted)).isEmpty();
  }
}
