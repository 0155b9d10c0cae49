package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static io.apgms.ml.registry.TicketDatabase.NEXT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.ErrorBudget.Used;
import io.apgms.ml.registry.ErrorBudgets.Bucket;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Refusal.Rule;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Budgets in a real database, and the promotions they refuse. */
class ErrorBudgetsTest {
  private static final TestDatabase DB = new TestDatabase();
  private static final ErrorBudgets BUDGETS = DB.registry.errorBudgets();

  private TicketDatabase on;

  @BeforeEach
  void freshModel() {
    on = new TicketDatabase(DB);
  }

  private static Used used(String model) {
    return get(DB.pool.withTransaction(c -> ErrorBudgets.used(c, model)));
  }

  private void spend(long requests, long bad) {
    get(
        BUDGETS.add(
            UUID.randomUUID(), 1, Map.of(on.model, new Used(requests, bad, requests / 1e3))));
  }

  private List<Bucket> buckets() {
    return get(BUDGETS.since(Instant.EPOCH)).stream()
        .filter(b -> b.model().equals(on.model))
        .toList();
  }

  @Test
  void add_byManyReplicasAtOnce_countsEachOnce() {
    List<Future<Void>> calls = new ArrayList<>();
    for (int replica = 0; replica < 16; replica++) {
      UUID reporter = UUID.randomUUID();
      Map<String, Used> report =
          Map.of(on.model, new Used(100, 3, 0.1), "z-" + on.model, new Used(1, 0, 0.001));
      for (int again = 0; again < 3; again++) { // its answer was lost: the same once more
        calls.add(BUDGETS.add(reporter, 1, report));
      }
    }
    calls.forEach(TestDatabase::get);
    Used used = used(on.model);
    assertThat(used.requests()).isEqualTo(1_600);
    assertThat(used.bad()).isEqualTo(48);
    assertThat(used.allowed()).isCloseTo(1.6, within(1e-9));
    assertThat(used("z-" + on.model).requests()).isEqualTo(16);
    assertThat(used("nobody")).isEqualTo(Used.NOTHING);
  }

  /** The positive control: a report without its number counts as often as it comes. */
  @Test
  void add_laterNumber_isAnotherReport() {
    UUID reporter = UUID.randomUUID();
    Map<String, Used> report = Map.of(on.model, new Used(10, 1, 0.01));
    get(BUDGETS.add(reporter, 1, report));
    get(BUDGETS.add(reporter, 2, report));
    get(BUDGETS.add(reporter, 1, report)); // late and known
    assertThat(used(on.model).requests()).isEqualTo(20);
  }

  @Test
  void add_sums_areThoseOfTheCoreOverTheSameBuckets() {
    DB.sql(
        "INSERT INTO registry.error_budget SELECT '"
            + on.model
            + "', date_bin('5 minutes', clock_timestamp() - i * interval '5 minutes',"
            + " timestamptz 'epoch'), 40, i % 5, 0.04 FROM generate_series(0, 9000) i");
    ErrorBudget core = new ErrorBudget();
    for (Bucket b : buckets()) {
      core.put(b.at(), b.used());
    }
    Used byCore = core.over(ErrorBudget.PERIOD, Instant.now());
    Used bySql = used(on.model);
    assertThat(bySql.requests())
        .isCloseTo(byCore.requests(), within(40L)); // a bucket may have ended
    assertThat(bySql.requests()).isLessThan(9_000 * 40);
    assertThat(bySql.bad()).isCloseTo(byCore.bad(), within(4L));
  }

  @Test
  void add_whatIsOlderThanThePeriod_isRemovedAndNeverCounts() {
    DB.sql(
        "INSERT INTO registry.error_budget SELECT '"
            + on.model
            + "', date_bin('5 minutes', now() - interval '31 days' - i * interval '5 minutes',"
            + " timestamptz 'epoch'), 40, 40, 0.04 FROM generate_series(1, 1500) i");
    assertThat(used(on.model)).isEqualTo(Used.NOTHING);
    spend(1, 0);
    assertThat(buckets()).as("1,000 at a time").hasSize(501);
    spend(1, 0);
    assertThat(buckets()).hasSize(1);
    DB.sql("UPDATE registry.error_budget_reporter SET at = now() - interval '2 days'");
    spend(1, 0);
    long reporters =
        get(
            DB.pool
                .query("SELECT count(*) FROM registry.error_budget_reporter")
                .execute()
                .map(rows -> rows.iterator().next().getLong(0)));
    assertThat(reporters).isEqualTo(1);
  }

  private void assertRefused(Future<?> call, Rule rule) {
    assertThatThrownBy(() -> get(call))
        .isInstanceOfSatisfying(
            RegistryException.Refused.class,
            e -> assertThat(e.refusals()).extracting(Refusal::rule).containsExactly(rule));
  }

  private Future<TicketState> waive(String actor) {
    return on.approve(
        ApprovalRequest.waiver(
            on.name, actor, "fixes the errors", on.bound(on.name), Waivable.error_budget));
  }

  @Test
  void promote_budgetSpent_isRefusedUntilComplianceWaivesIt() {
    on.approveAll(on.name, NEXT);
    spend(9_999, 9_999);
    assertRefused(waive("cora"), Rule.NOTHING_TO_WAIVE);
    spend(10_001, 1);
    assertRefused(on.promote(on.name, NEXT, "dora", 1), Rule.ERROR_BUDGET);
    assertThat(on.audit("promote.refused"))
        .singleElement()
        .satisfies(e -> assertThat(e.detail()).contains("10000 bad of 20000", "from 10000 "));
    assertThat(get(DB.registry.promotions().readiness(on.name)).refusals())
        .extracting(Refusal::rule)
        .containsExactly(Rule.ERROR_BUDGET);
    get(waive("cora"));
    assertThat(on.audit("ticket.waiver"))
        .singleElement()
        .satisfies(
            e ->
                assertThat(e.detail())
                    .contains("\"gate\":\"error-budget\"", "\"errorBudgetRemaining\":-499.0"));
    assertRefused(waive("cora"), Rule.TWICE);
    get(on.promote(on.name, NEXT, "dora", 1));
    assertThat(on.audit("promote"))
        .singleElement()
        .satisfies(e -> assertThat(e.detail()).contains("\"errorBudgetRemaining\":-499.0"));
    assertThat(PromotionHistory.violations(DB)).isEmpty();
  }

  @Test
  void promote_waiverWithdrawnOrOfOlderEvidence_isRefused() {
    on.approveAll(on.name, NEXT);
    spend(20_000, 20);
    UUID waiver = get(waive("cora")).approvals().get(2).id();
    get(DB.registry.tickets().withdraw(on.name, waiver, "cora", "no"));
    assertRefused(on.promote(on.name, NEXT, "dora", 1), Rule.ERROR_BUDGET);
    on.bring(on.name, NEXT, Outcome.pass, "ci");
    get(on.review(on.name, "ben", on.bound(on.name)));
    get(on.signoff(on.name, "cora"));
    assertRefused(on.promote(on.name, NEXT, "dora", 1), Rule.ERROR_BUDGET);
    get(waive("cora"));
    get(on.promote(on.name, NEXT, "dora", 1));
  }

  /** Past the code: the database's own word, and that it knows the same minimum. */
  @Test
  void database_promotionOverASpentBudget_isRefused() {
    on.approveAll(on.name, NEXT);
    spend(ErrorBudget.MIN_REQUESTS, 10);
    assertThatThrownBy(() -> insert())
        .hasMessageContaining("the error budget of " + on.model + " is spent and not waived");
    DB.sql("UPDATE registry.error_budget SET bad = 9 WHERE model = '" + on.model + "'");
    assertThatThrownBy(() -> insert()).as("only unaudited").hasMessageContaining("no audit row");
    DB.sql(
        "UPDATE registry.error_budget SET bad = 9999, requests = 9999, allowed = 9 WHERE model = '"
            + on.model
            + "'");
    assertThatThrownBy(() -> insert()).as("too few").hasMessageContaining("no audit row");
  }

  /** Straight into the table, as code would that forgot every rule. */
  private void insert() {
    DB.sql(
        "INSERT INTO registry.deployment (model, revision, version, digest, kind, actor, at, reason,"
            + " ticket, audit_id) SELECT '%s', 99, '%s', '%s', 'promote', 'dora', now(), 'x', '%s',"
                .formatted(on.model, NEXT, on.digest(NEXT), on.name)
            + " id FROM registry.audit_log LIMIT 1");
  }
}
