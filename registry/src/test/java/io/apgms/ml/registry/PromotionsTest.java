package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static io.apgms.ml.registry.TicketDatabase.NEXT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Refusal.Rule;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Promotions against a real database, and what its triggers refuse when nobody else does. */
class PromotionsTest {
  private static final TestDatabase DB = new TestDatabase();
  private static final Tickets TICKETS = DB.registry.tickets();

  private TicketDatabase on;
  private String name;

  @BeforeEach
  void approvedTicket() {
    on = new TicketDatabase(DB);
    name = on.name;
    on.approveAll(name, NEXT);
  }

  private Pointer pointer() {
    return get(DB.registry.controlState()).pointer(on.model).orElseThrow();
  }

  /** Straight into the table, as code would that forgot every rule. */
  private void insert(String version, String digest, String actor, String ticket) {
    DB.sql(
        "INSERT INTO registry.deployment (model, revision, version, digest, kind, actor, at, reason,"
            + " ticket, audit_id) SELECT '%s', 99, '%s', '%s', 'promote', '%s', now(), 'x', '%s', id"
                .formatted(on.model, version, digest, actor, ticket)
            + " FROM registry.audit_log LIMIT 1");
  }

  private void assertDatabaseRefuses(String actor, String why) {
    assertThatThrownBy(() -> insert(NEXT, on.digest(NEXT), actor, name)).hasMessageContaining(why);
  }

  @Test
  void promote_twoTicketsAtOnce_oneWinsAndTheOtherSaysWhy() {
    String second = on.open("20261125");
    on.approveAll(second, "20261125");
    Future<Change> a = on.promote(name, NEXT, "dora", 1);
    Future<Change> b = on.promote(second, "20261125", "dora", 1);
    List<Future<Change>> both = List.of(a, b);
    int won = 0;
    for (Future<Change> call : both) {
      try {
        get(call);
        won++;
      } catch (RegistryException.Conflict e) {
        assertThat(e).hasMessageContaining("another change came first");
      }
    }
    assertThat(won).isEqualTo(1);
    assertThat(pointer().revision()).isEqualTo(2);
    assertThat(on.audit("promote.refused"))
        .singleElement()
        .satisfies(e -> assertThat(e.detail()).contains("another change came first"));
  }

  @Test
  void promote_sameTicketManyTimesAtOnce_oneRevision() {
    List<Future<Change>> calls =
        java.util.stream.IntStream.range(0, 8)
            .mapToObj(i -> on.promote(name, NEXT, "dora", 1))
            .toList();
    AtomicInteger won = new AtomicInteger();
    calls.forEach(
        call -> {
          try {
            get(call);
            won.incrementAndGet();
          } catch (RegistryException.Conflict e) {
            // lost
          }
        });
    assertThat(won).hasValue(1);
    assertThat(pointer().revision()).isEqualTo(2);
  }

  @Test
  void promote_refused_leavesThePointerAndAnAuditRowWithEveryReason() {
    UUID review = get(TICKETS.find(name)).approvals().get(0).id();
    get(TICKETS.withdraw(name, review, "ben", "no"));
    assertThatThrownBy(() -> get(on.promote(name, NEXT, "cora", 1)))
        .isInstanceOfSatisfying(
            RegistryException.Refused.class,
            e ->
                assertThat(e.refusals())
                    .extracting(Refusal::rule)
                    .containsExactly(Rule.NO_PEER_REVIEW, Rule.PROMOTER));
    assertThat(pointer().version()).isEqualTo(TicketDatabase.ACTIVE);
    assertThat(on.audit("promote.refused"))
        .singleElement()
        .satisfies(e -> assertThat(e.detail()).contains("no-peer-review", "promoter", "withdrawn"));
  }

  @Test
  void promote_publishingFails_isUndone() {
    assertThatThrownBy(
            () ->
                get(
                    DB.registry
                        .promotions()
                        .promote(
                            on.command(name, NEXT, "dora", 1),
                            () -> Future.failedFuture(new IllegalStateException("disk")))))
        .hasMessage("disk");
    assertThat(pointer().revision()).isEqualTo(1);
    assertThat(on.audit("promote")).isEmpty();
    get(on.promote(name, NEXT, "dora", 1));
  }

  @Test
  void promote_firstVersionOfAModel_isRevisionOne() {
    DB.tamper("DELETE FROM registry.pointer WHERE model = '" + on.model + "'");
    DB.tamper("DELETE FROM registry.deployment WHERE model = '" + on.model + "'");
    DB.tamper(
        "UPDATE registry.approval SET base_version = NULL, base_digest = NULL"
            + " WHERE manifest_digest = '"
            + on.digest(NEXT)
            + "'");
    PromoteCommand first =
        new PromoteCommand(
            on.model, NEXT, on.digest(NEXT), name, "dora", "first", null, null, List.of());
    Change change = get(DB.registry.promotions().promote(first, Future::succeededFuture));
    assertThat(change.revision()).isEqualTo(1);
    assertThat(change.from()).isNull();
    assertThat(pointer().version()).isEqualTo(NEXT);
  }

  @Test
  void promote_afterARollback_needsANewTicket() {
    get(on.promote(name, NEXT, "dora", 1));
    get(
        DB.registry
            .deployments()
            .rollback(new RollbackCommand(on.model, "olga", "bad", null, null, null, null)));
    assertThatThrownBy(() -> get(on.promote(name, NEXT, "dora", 3)))
        .isInstanceOfSatisfying(
            RegistryException.Refused.class,
            e -> assertThat(e.refusals()).extracting(Refusal::rule).contains(Rule.TICKET_USED));
  }

  @Test
  void promote_whileWithdrawn_waitsAndSeesIt() {
    UUID review = get(TICKETS.find(name)).approvals().get(0).id();
    Promise<Void> inside = Promise.promise();
    Promise<Void> goOn = Promise.promise();
    Future<Change> promotion =
        DB.registry
            .promotions()
            .promote(
                on.command(name, NEXT, "dora", 1),
                () -> {
                  inside.complete();
                  return goOn.future();
                });
    get(inside.future());
    Future<TicketState> late = TICKETS.withdraw(name, review, "ben", "too late");
    goOn.complete();
    assertThat(get(promotion).revision()).isEqualTo(2);
    get(late); // after the promotion, in the order of the log
    assertThat(PromotionHistory.violations(DB)).isEmpty();
  }

  @Test
  void database_selfApproval_isRefused() {
    assertThatThrownBy(() -> DB.sql(approval("ana", "peer_review")))
        .hasMessageContaining("ana is an author");
    assertThatThrownBy(() -> DB.sql(approval("cora", "peer_review")))
        .hasMessageContaining("in another part");
    assertThatThrownBy(() -> DB.sql(approval("ben", "peer_review")))
        .hasMessageContaining("approval_once");
  }

  private String approval(String actor, String kind) {
    return "INSERT INTO registry.approval SELECT gen_random_uuid(), ticket, evidence, '"
        + kind
        + "', NULL, '"
        + actor
        + "', at, manifest_digest, evidence_digest, NULL, NULL, NULL, NULL, reason, NULL,"
        + " expires_at, audit_id FROM registry.approval WHERE kind = 'peer_review'"
        + " AND manifest_digest = '"
        + on.digest(NEXT)
        + "'";
  }

  @Test
  void database_promotionByAnAuthorOrApprover_isRefused() {
    for (String actor : List.of("ana", "ben", "cora")) {
      assertDatabaseRefuses(actor, "author or approver");
    }
  }

  @Test
  void database_promotionWithoutItsApprovals_isRefused() {
    UUID review = get(TICKETS.find(name)).approvals().get(0).id();
    UUID signoff = get(TICKETS.find(name)).approvals().get(1).id();
    get(TICKETS.withdraw(name, signoff, "cora", "no"));
    assertDatabaseRefuses("dora", "no valid risk sign-off");
    get(TICKETS.withdraw(name, review, "ben", "no"));
    assertDatabaseRefuses("dora", "no valid peer review");
  }

  @Test
  void database_promotionOnExpiredApprovals_isRefused() {
    DB.tamper(
        "UPDATE registry.approval SET expires_at = at + interval '1 microsecond'"
            + " WHERE kind = 'peer_review' AND manifest_digest = '"
            + on.digest(NEXT)
            + "'");
    assertDatabaseRefuses("dora", "no valid peer review");
    assertThatThrownBy(() -> get(on.promote(name, NEXT, "dora", 1)))
        .hasMessageContaining("expired at");
  }

  @Test
  void database_promotionOfAnotherDigest_isRefused() {
    assertThatThrownBy(() -> insert(NEXT, on.digest("x"), "dora", name))
        .hasMessageContaining("expected this artifact");
    assertThatThrownBy(() -> insert("20261125", on.digest(NEXT), "dora", name))
        .hasMessageContaining("expected this artifact");
    assertThatThrownBy(() -> insert(NEXT, on.digest(NEXT), "dora", "MLAPPROVAL-0"))
        .hasMessageContaining("MLAPPROVAL-n");
  }

  @Test
  void database_promotionOverAFailedGate_isRefused() {
    on.bring(name, NEXT, Outcome.fail, "ana");
    get(on.review(name, "ben", on.bound(name)));
    get(on.signoff(name, "cora"));
    assertDatabaseRefuses("dora", "gate smoke is fail");
  }

  @Test
  void database_evidenceBytes_areWhatTheirDigestIsOf() {
    assertThatThrownBy(
            () ->
                DB.sql(
                    "INSERT INTO registry.ticket_evidence SELECT ticket, n + 1, document || ' ',"
                        + " digest, author, at, audit_id FROM registry.ticket_evidence"
                        + " ORDER BY ticket DESC LIMIT 1"))
        .hasMessageContaining("ticket_evidence_digest");
  }

  @Test
  void database_whatWasWritten_isNeverChanged() {
    for (String table :
        List.of(
            "ticket",
            "ticket_evidence",
            "approval",
            "approval_withdrawal",
            "ticket_closure",
            "ticket_replay")) {
      assertThatThrownBy(() -> DB.sql("DELETE FROM registry." + table))
          .hasMessageContaining("rows are only ever added");
      assertThatThrownBy(() -> DB.sql("TRUNCATE registry." + table + " CASCADE"))
          .hasMessageContaining("rows are only ever added");
    }
    assertThatThrownBy(() -> DB.sql("UPDATE registry.approval SET actor = 'x'"))
        .hasMessageContaining("rows are only ever added");
  }

  private Deployment unchecked(AuditEntry entry) {
    return new Deployment(
        on.model,
        99,
        NEXT,
        on.digest(NEXT),
        Deployment.Kind.promote,
        null,
        null,
        "dora",
        entry.at(),
        "x",
        name,
        null,
        entry.id());
  }

  /** The positive control: a check outside the transaction lets through what the history shows. */
  @Test
  void control_checkOutsideTheTransaction_isFoundInTheHistory() {
    assertThat(PromotionHistory.violations(DB)).isEmpty();
    TicketState checked = get(TICKETS.find(name));
    assertThat(
            TicketRules.ofPromotion(
                checked, on.command(name, NEXT, "dora", 1), pointer(), ErrorBudget.Used.NOTHING))
        .as("the check passes")
        .isEmpty();
    get(TICKETS.withdraw(name, checked.approvals().get(0).id(), "ben", "no"));
    assertDatabaseRefuses("dora", "no valid peer review");
    DB.sql("ALTER TABLE registry.deployment DISABLE TRIGGER deployment_promotion");
    try {
      AuditRecord unchecked = new AuditRecord("dora", "promote", on.model, Map.of("x", 1));
      get(
          DB.pool.withTransaction(
              c ->
                  DB.registry
                      .audit()
                      .append(c, unchecked)
                      .compose(entry -> DeploymentTable.insert(c, unchecked(entry), null))));
      assertThat(PromotionHistory.violations(DB))
          .singleElement()
          .asString()
          .contains(on.model, "peer_review");
    } finally {
      DB.tamper("DELETE FROM registry.deployment WHERE revision = 99");
      DB.sql("ALTER TABLE registry.deployment ENABLE TRIGGER deployment_promotion");
    }
  }
}
