package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static io.apgms.ml.registry.TicketDatabase.ACTIVE;
import static io.apgms.ml.registry.TicketDatabase.NEXT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.Refusal.Rule;
import io.apgms.ml.registry.Trial.Kind;
import io.apgms.ml.registry.Trial.State;
import io.apgms.ml.registry.Trials.Verdict;
import io.vertx.core.Future;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Trials against a real database, and what its triggers refuse when nobody else does. */
class TrialsTest {
  private static final TestDatabase DB = new TestDatabase();
  private static final Trials TRIALS = DB.registry.trials();
  private static final Trials.Judge FAILS =
      (bounds, sums, timeUp) -> Optional.of(new Verdict(State.failed, "worse"));
  private static final Trials.Judge WAITS =
      (bounds, sums, timeUp) ->
          timeUp ? Optional.of(new Verdict(State.inconclusive, "late")) : Optional.empty();

  private TicketDatabase on;

  @BeforeEach
  void model() {
    on = new TicketDatabase(DB);
  }

  private Future<Trial> start(
      Kind kind, String version, String ticket, String actor, int revision) {
    TrialCommand command =
        new TrialCommand(
            on.model,
            kind,
            version,
            on.digest(version),
            ticket,
            TrialBounds.DEFAULT,
            actor,
            "try it",
            revision,
            null,
            List.of());
    return TRIALS.start(command, Future::succeededFuture);
  }

  private Future<Trial> shadow() {
    return start(Kind.shadow, NEXT, null, "dora", 1);
  }

  private Trial newest() {
    return get(TRIALS.list(on.model)).get(0);
  }

  private void promoted() {
    on.approveAll(on.name, NEXT);
    get(on.promote(on.name, NEXT, "dora", 1));
  }

  private Change rollback(String model) {
    return get(
        DB.registry
            .deployments()
            .rollback(new RollbackCommand(model, "olga", "bad", null, null, null, null)));
  }

  private static void assertRefused(Future<Trial> call, Rule... rules) {
    assertThatThrownBy(() -> get(call))
        .isInstanceOfSatisfying(
            RegistryException.Refused.class,
            e -> assertThat(e.refusals()).extracting(Refusal::rule).containsExactly(rules));
  }

  @Test
  void start_shadowOfACandidate_runsAndIsAuditedAndRead() {
    Trial started = get(shadow());
    assertThat(started.baseVersion()).isEqualTo(ACTIVE);
    assertThat(newest()).isEqualTo(started);
    assertThat(get(DB.registry.controlState()).trials()).contains(started);
    assertThat(on.audit("trial.start"))
        .singleElement()
        .satisfies(
            e -> {
              assertThat(e.id()).isEqualTo(started.auditId());
              assertThat(e.detail()).contains(started.id().toString(), on.digest(NEXT), "try it");
            });
  }

  @Test
  void start_whileOneRuns_isAConflictAndSaysWhich() {
    get(shadow());
    assertThatThrownBy(() -> get(shadow()))
        .isInstanceOf(RegistryException.Conflict.class)
        .hasMessageContaining("shadow of " + NEXT);
    assertThat(on.audit("trial.start.refused")).hasSize(1);
  }

  @Test
  void start_twiceAtOnce_oneRuns() {
    List<Future<Trial>> both = List.of(shadow(), shadow());
    int won = 0;
    for (Future<Trial> call : both) {
      try {
        get(call);
        won++;
      } catch (RegistryException.Conflict e) {
        // lost
      }
    }
    assertThat(won).isEqualTo(1);
  }

  @Test
  void start_canaryThatWasNeverActive_asksForATicket() {
    assertRefused(start(Kind.canary, NEXT, null, "dora", 1), Rule.NO_TICKET);
    assertThat(get(TRIALS.list(on.model))).isEmpty();
  }

  @Test
  void start_canaryWithAnUnapprovedTicket_isRefusedAsAPromotionWouldBe() {
    assertRefused(
        start(Kind.canary, NEXT, on.name, "dora", 1),
        Rule.NO_EVIDENCE,
        Rule.NO_PEER_REVIEW,
        Rule.NO_SIGNOFF);
    on.approveAll(on.name, NEXT);
    assertRefused(start(Kind.canary, NEXT, on.name, "ben", 1), Rule.PROMOTER);
  }

  @Test
  void start_canaryThatIsApproved_runsAndItsTicketPromotesAfterwards() {
    on.approveAll(on.name, NEXT);
    Trial started = get(start(Kind.canary, NEXT, on.name, "dora", 1));
    assertThat(started.ticket()).isEqualTo(on.name);
    Change change = get(on.promote(on.name, NEXT, "dora", 1));
    assertThat(change.to()).isEqualTo(NEXT);
    assertThat(newest().state()).isEqualTo(State.stopped);
  }

  @Test
  void start_publishingFails_isUndone() {
    on.approveAll(on.name, NEXT);
    TrialCommand command =
        new TrialCommand(
            on.model,
            Kind.canary,
            NEXT,
            on.digest(NEXT),
            on.name,
            TrialBounds.DEFAULT,
            "dora",
            "try it",
            1,
            null,
            List.of());
    assertThatThrownBy(
            () ->
                get(
                    TRIALS.start(
                        command, () -> Future.failedFuture(new IllegalStateException("disk")))))
        .hasMessage("disk");
    assertThat(get(TRIALS.list(on.model))).isEmpty();
    assertThat(on.audit("trial.start")).isEmpty();
  }

  @Test
  void start_canaryThatWasActiveBefore_runsWithoutATicket() {
    promoted();
    assertThat(get(start(Kind.canary, ACTIVE, null, "dora", 2)).baseVersion()).isEqualTo(NEXT);
  }

  @Test
  void start_canaryThatWasRolledBackFrom_isRefused() {
    promoted();
    rollback(on.model);
    assertRefused(start(Kind.canary, NEXT, null, "dora", 3), Rule.ROLLED_BACK);
    assertThat(get(start(Kind.shadow, NEXT, null, "dora", 3)).running()).isTrue();
  }

  @Test
  void start_ofWhatIsActiveOrPinned_isRefused() {
    assertRefused(start(Kind.shadow, ACTIVE, null, "dora", 1), Rule.ACTIVE_ALREADY);
    get(DB.registry.deployments().pin(on.model, ACTIVE, on.digest(ACTIVE), "olga", "hold"));
    assertRefused(start(Kind.shadow, NEXT, null, "dora", 2), Rule.PINNED);
  }

  @Test
  void start_overAnotherRevision_isAConflict() {
    assertThatThrownBy(() -> get(start(Kind.shadow, NEXT, null, "dora", 7)))
        .isInstanceOf(RegistryException.Conflict.class)
        .hasMessageContaining("expected 7");
  }

  @Test
  void rollback_duringACanary_endsItFirstInTheSameTransaction() {
    promoted();
    get(start(Kind.canary, ACTIVE, null, "dora", 2));
    Change change = rollback(on.model);
    assertThat(change.to()).isEqualTo(ACTIVE);
    Trial ended = newest();
    assertThat(ended.state()).isEqualTo(State.stopped);
    assertThat(ended.end()).isNotNull();
    assertThat(ended.end().actor()).isEqualTo("olga");
    assertThat(ended.end().reason()).contains("rollback");
    AuditEntry stop = on.audit("trial.stopped").get(0);
    AuditEntry back = on.audit("rollback").get(0);
    assertThat(stop.seq()).isEqualTo(back.seq() - 1);
  }

  @Test
  void pin_duringAShadow_endsIt() {
    get(shadow());
    get(DB.registry.deployments().pin(on.model, ACTIVE, on.digest(ACTIVE), "olga", "hold"));
    assertThat(newest().state()).isEqualTo(State.stopped);
  }

  @Test
  void stop_thatRuns_isStoppedOnceAndThenNotFound() {
    get(shadow());
    Trial stopped = get(TRIALS.stop(on.model, "olga", "enough"));
    assertThat(stopped.state()).isEqualTo(State.stopped);
    assertThat(newest()).isEqualTo(stopped);
    assertThatThrownBy(() -> get(TRIALS.stop(on.model, "olga", "enough")))
        .isInstanceOf(RegistryException.NotFound.class);
    assertThat(get(shadow()).n()).isEqualTo(2);
  }

  @Test
  void judge_byManyReplicasAtOnce_endsItOnce() {
    Trial trial = get(shadow());
    TrialSums seen = new TrialSums(60, 0, 60, 30, 15, 2);
    AtomicInteger ended = new AtomicInteger();
    java.util.stream.IntStream.range(0, 8)
        .mapToObj(i -> TRIALS.judge(trial.id(), c -> Future.succeededFuture(seen), FAILS))
        .toList()
        .forEach(call -> get(call).ifPresent(t -> ended.incrementAndGet()));
    assertThat(ended).hasValue(1);
    assertThat(newest().state()).isEqualTo(State.failed);
    assertThat(on.audit("trial.failed"))
        .singleElement()
        .satisfies(
            e -> {
              assertThat(e.actor()).isEqualTo("system");
              assertThat(e.detail()).contains("\"pairs\":60", "\"dropped\":2", "worse");
            });
  }

  @Test
  void judge_beforeItsTimeAndAfter_goesByTheDatabasesClock() {
    Trial trial = get(shadow());
    assertThat(get(TRIALS.judge(trial.id(), c -> none(), WAITS))).isEmpty();
    DB.tamper(
        "UPDATE registry.trial SET at = at - interval '2 days', until = until - interval '2 days'"
            + " WHERE id = '"
            + trial.id()
            + "'");
    assertThat(get(TRIALS.judge(trial.id(), c -> none(), WAITS))).isPresent();
    assertThat(newest().state()).isEqualTo(State.inconclusive);
    assertThat(get(TRIALS.judge(trial.id(), c -> none(), FAILS))).as("ended").isEmpty();
  }

  private static Future<TrialSums> none() {
    return Future.succeededFuture(TrialSums.NONE);
  }

  @Test
  void bounds_outOfRange_areRefused() {
    assertThatThrownBy(() -> new TrialBounds(49, 0, 0.1, 0.1, Duration.ofHours(1)))
        .hasMessageContaining("leastPairs is 49, expected 50");
    assertThatThrownBy(() -> new TrialBounds(50, 0, 0, 0.1, Duration.ofHours(1)))
        .hasMessageContaining("maxDisagreement");
    assertThatThrownBy(() -> new TrialBounds(50, 0, 0.1, Double.NaN, Duration.ofHours(1)))
        .hasMessageContaining("maxMeanDifference");
    assertThatThrownBy(() -> new TrialBounds(50, 0, 0.1, 0.1, Duration.ofDays(32)))
        .hasMessageContaining("limitMs");
  }

  /** Straight into the table, as code would that forgot every rule. */
  private void insert(Kind kind, String version, String ticket) {
    DB.sql(
        "INSERT INTO registry.trial (model, n, id, kind, version, digest, base_version, base_digest,"
            + " ticket, least_pairs, max_errors, max_disagreement, max_mean_difference, actor, at,"
            + " until, reason, audit_id) SELECT '%s', 1, '%s', '%s', '%s', '%s', '%s', '%s', %s,"
                .formatted(
                    on.model,
                    UUID.randomUUID(),
                    kind,
                    version,
                    on.digest(version),
                    ACTIVE,
                    on.digest(ACTIVE),
                    ticket == null ? "NULL" : "'" + ticket + "'")
            + " 500, 0, 0.05, 0.05, 'dora', now(), now() + interval '1 day', 'x', id"
            + " FROM registry.audit_log LIMIT 1");
  }

  /** The planted violations: each is refused by what is shipped alone. */
  @Test
  void database_whatGotPastTheRules_isRefused() {
    assertThatThrownBy(() -> insert(Kind.canary, NEXT, null)).hasMessageContaining("no ticket");
    assertThatThrownBy(() -> insert(Kind.canary, NEXT, on.name))
        .hasMessageContaining("no valid peer review");
    assertThatThrownBy(() -> insert(Kind.shadow, ACTIVE, null)).hasMessageContaining("check");
    assertThatThrownBy(() -> insert(Kind.shadow, NEXT, null)).hasMessageContaining("no audit row");
    on.approveAll(on.name, NEXT);
    assertThatThrownBy(() -> insert(Kind.canary, NEXT, on.name))
        .as("all but its audit row")
        .hasMessageContaining("no audit row");
    Trial trial = get(shadow());
    for (String change :
        List.of(
            "UPDATE registry.trial SET kind = 'canary'",
            "UPDATE registry.trial SET until = until + interval '1 day'",
            "UPDATE registry.trial SET max_errors = 9",
            "DELETE FROM registry.trial")) {
      assertThatThrownBy(() -> DB.sql(change + " WHERE id = '" + trial.id() + "'"))
          .as(change)
          .hasMessageContaining("refused");
    }
  }
}
