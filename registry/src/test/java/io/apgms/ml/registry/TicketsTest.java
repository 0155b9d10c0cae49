package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static io.apgms.ml.registry.TicketDatabase.NEXT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.Approval.Signoff;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Refusal.Rule;
import io.vertx.core.Future;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TicketsTest {
  private static final TestDatabase DB = new TestDatabase();
  private static final Tickets TICKETS = DB.registry.tickets();

  private TicketDatabase on;
  private String name;

  @BeforeEach
  void freshModel() {
    on = new TicketDatabase(DB);
    name = on.name;
  }

  private void assertRefused(Future<?> call, Rule... rules) {
    assertThatThrownBy(() -> get(call))
        .isInstanceOfSatisfying(
            RegistryException.Refused.class,
            e -> assertThat(e.refusals()).extracting(Refusal::rule).containsExactly(rules));
  }

  private void assertConflict(Future<?> call, String text) {
    assertThatThrownBy(() -> get(call))
        .isInstanceOf(RegistryException.Conflict.class)
        .hasMessageContaining(text);
  }

  @Test
  void open_aCandidate_takesWhatTheManifestSaysAndIsAudited() {
    TicketState state = get(TICKETS.find(name));
    assertThat(state.ticket().name()).matches("MLAPPROVAL-[1-9][0-9]*");
    assertThat(state.ticket().datasetSha256()).isEqualTo("77f3");
    assertThat(state.ticket().gitCommit()).isEqualTo("abc123");
    assertThat(on.audit("ticket.open"))
        .singleElement()
        .satisfies(
            e -> {
              assertThat(e.id()).isEqualTo(state.ticket().auditId());
              assertThat(e.detail())
                  .contains("\"trigger\":\"drift\"", "\"datasetSha256\":\"77f3\"");
            });
  }

  @Test
  void find_whatIsNoTicket_isNotFound() {
    for (String no : List.of("MLAPPROVAL-999999", "MLAPPROVAL-0", "X-1", "MLAPPROVAL-1; DROP")) {
      assertThatThrownBy(() -> get(TICKETS.find(no)))
          .isInstanceOf(RegistryException.NotFound.class);
    }
  }

  @Test
  void approvals_ofTwoOthers_promoteOnceAndAreAudited() {
    on.approveAll(name, NEXT);
    Change change = get(on.promote(name, NEXT, "dora", 1));
    assertThat(change.revision()).isEqualTo(2);
    Deployment made = get(DB.registry.deployments().history(on.model)).get(0);
    assertThat(made.ticket()).isEqualTo(name);
    assertThat(made.kind()).isEqualTo(Deployment.Kind.promote);
    assertThat(on.audit("promote"))
        .singleElement()
        .satisfies(e -> assertThat(e.detail()).contains(name, "\"approvals\":[\""));
    assertThat(get(TICKETS.find(name)).promoted()).isEqualTo(2);
    assertThat(get(DB.registry.audit().verify()).intact()).isTrue();
  }

  @Test
  void approve_byTheAuthor_isRefusedWithAnAuditRow() {
    on.bring(name, NEXT, Outcome.pass, "ana");
    assertRefused(on.review(name, "ana", on.bound(name)), Rule.SELF_APPROVAL);
    assertThat(on.audit("ticket.peer_review.refused"))
        .singleElement()
        .satisfies(
            e -> {
              assertThat(e.actor()).isEqualTo("ana");
              assertThat(e.detail()).contains("self-approval");
            });
    assertThat(get(TICKETS.find(name)).approvals()).isEmpty();
  }

  @Test
  void approve_twiceByOnePerson_isRefused() {
    on.bring(name, NEXT, Outcome.pass, "ana");
    get(on.review(name, "ben", on.bound(name)));
    assertRefused(on.review(name, "ben", on.bound(name)), Rule.TWICE);
    assertRefused(on.signoff(name, "ben"), Rule.TWO_PARTS);
  }

  @Test
  void approve_ofEvidenceThatIsNotTheNewest_isRefused() {
    on.bring(name, NEXT, Outcome.pass, "ana");
    Bound seen = on.bound(name);
    on.bring(name, NEXT, Outcome.inconclusive, "ana");
    assertRefused(on.review(name, "ben", seen), Rule.STALE_BINDING);
  }

  @Test
  void evidence_brought_voidsEarlierApprovals() {
    on.approveAll(name, NEXT);
    on.bring(name, NEXT, Outcome.pass, "ci");
    assertRefused(on.promote(name, NEXT, "dora", 1), Rule.NO_PEER_REVIEW, Rule.NO_SIGNOFF);
    assertRefused(on.review(name, "ci", on.bound(name)), Rule.SELF_APPROVAL);
  }

  @Test
  void evidence_ofAnotherArtifact_isRefused() {
    assertRefused(
        TICKETS.addEvidence(name, on.evidence("20261125", Outcome.pass), "ana"),
        Rule.OTHER_ARTIFACT);
  }

  @Test
  void signoff_namesAnEntryOfTheLog() {
    on.bring(name, NEXT, Outcome.pass, "ana");
    Pointer active = get(DB.registry.controlState()).pointer(on.model).orElseThrow();
    Signoff unknown = new Signoff(active.version(), active.digest(), true, null, UUID.randomUUID());
    ApprovalRequest request =
        new ApprovalRequest(
            name, Kind.risk_signoff, "cora", "x", on.bound(name), null, unknown, List.of());
    assertThatThrownBy(() -> get(on.approve(request)))
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageContaining("is not in the audit log");
  }

  @Test
  void signoff_ofAChange_hasAReasonOfItsOwn() {
    on.bring(name, NEXT, Outcome.pass, "ana");
    Pointer active = get(DB.registry.controlState()).pointer(on.model).orElseThrow();
    UUID named = get(TICKETS.find(name)).ticket().auditId();
    var change = List.of(new RegulatedThresholds.Difference("threshold", "0.5", "0.6"));
    Signoff unchanged = new Signoff(active.version(), active.digest(), true, null, named);
    assertRefused(
        on.approve(
            new ApprovalRequest(
                name, Kind.risk_signoff, "cora", "x", on.bound(name), null, unchanged, change)),
        Rule.THRESHOLDS);
    assertThatThrownBy(() -> new Signoff(active.version(), active.digest(), false, null, named))
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageContaining("changeReason is missing");
    Signoff why = new Signoff(active.version(), active.digest(), false, "letter of 3 May", named);
    TicketState signed =
        get(
            on.approve(
                new ApprovalRequest(
                    name, Kind.risk_signoff, "cora", "x", on.bound(name), null, why, change)));
    assertThat(signed.approvals().get(0).signoff().changeReason()).isEqualTo("letter of 3 May");
  }

  @Test
  void waiver_ofAnInconclusiveGate_isItsOwnAuditedRecord() {
    on.bring(name, NEXT, Outcome.inconclusive, "ana");
    get(on.review(name, "ben", on.bound(name)));
    get(on.signoff(name, "cora"));
    assertRefused(on.promote(name, NEXT, "dora", 1), Rule.GATE);
    get(
        on.approve(
            ApprovalRequest.waiver(name, "cora", "no canary yet", on.bound(name), Waivable.smoke)));
    assertThat(on.audit("ticket.waiver"))
        .singleElement()
        .satisfies(e -> assertThat(e.detail()).contains("\"gate\":\"smoke\"", "no canary yet"));
    get(on.promote(name, NEXT, "dora", 1));
  }

  @Test
  void withdraw_ofOnesOwn_voidsIt_ofAnothers_isRefused() {
    on.approveAll(name, NEXT);
    UUID review = get(TICKETS.find(name)).approvals().get(0).id();
    assertConflict(TICKETS.withdraw(name, review, "cora", "x"), "is of ben");
    get(TICKETS.withdraw(name, review, "ben", "second thoughts"));
    assertConflict(TICKETS.withdraw(name, review, "ben", "again"), "was withdrawn");
    assertRefused(on.promote(name, NEXT, "dora", 1), Rule.NO_PEER_REVIEW);
  }

  @Test
  void close_linksTheCommitOfWhatWasPromoted() {
    on.approveAll(name, NEXT);
    assertRefused(
        TICKETS.close(name, TicketState.Outcome.promoted, "0123abc", "dora", "done"),
        Rule.NOT_PROMOTED);
    get(on.promote(name, NEXT, "dora", 1));
    assertThatThrownBy(
            () -> TICKETS.close(name, TicketState.Outcome.promoted, null, "dora", "done"))
        .isInstanceOf(RegistryException.Invalid.class);
    TicketState closed =
        get(TICKETS.close(name, TicketState.Outcome.promoted, "0123abc", "dora", "done"));
    assertThat(closed.closure().commit()).isEqualTo("0123abc");
    assertRefused(
        TICKETS.addEvidence(name, on.evidence(NEXT, Outcome.pass), "ana"), Rule.TICKET_CLOSED);
    assertThat(get(TICKETS.list(on.model, Long.MAX_VALUE, 10)))
        .singleElement()
        .satisfies(
            line -> {
              assertThat(line.outcome()).isEqualTo(TicketState.Outcome.promoted);
              assertThat(line.revision()).isEqualTo(2);
            });
  }
}
