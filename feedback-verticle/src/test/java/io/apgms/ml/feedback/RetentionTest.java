package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import java.sql.DriverManager;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Time travel over the edge of eighteen months. */
class RetentionTest {
  /** Eighteen months before it is Saturday 24 May 2025, of the week from 19 May. */
  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");

  private static final Instant EDGE = Instant.parse("2025-05-24T12:00:00Z");
  private static final Instant WEEK = Instant.parse("2025-05-19T00:00:00Z");

  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(37);
  private final List<String> log = new ArrayList<>();

  private UUID decided(Instant at, String requestId) throws Exception {
    try (var connection = DriverManager.getConnection(database.url(), "postgres", "")) {
      Partitions.ensure(connection, at);
    }
    UUID id = ids.id(at.toEpochMilli());
    byte[] hash = requestId == null ? null : new byte[] {1};
    TestDatabase.get(
        database.commits().commit(Decisions.requested(id, true, false, requestId, hash)));
    database.sql(
        "UPDATE feedback.decision_batch b SET at = '"
            + at
            + "' FROM feedback.decision d WHERE d.id = '"
            + id
            + "' AND b.id = d.batch");
    return id;
  }

  private UUID labelled(UUID prediction, Instant recorded) {
    UUID id = ids.id(recorded.toEpochMilli());
    database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, observed_at, key_scope, body_hash) VALUES ('"
            + id
            + "', '"
            + prediction
            + "', 'm', '20261123', 'TRUE_POSITIVE', 'OPERATOR', 'ann', now(), 'ann', '')");
    return id;
  }

  private Optional<Retention.Piece> next(Instant now) {
    return TestDatabase.get(
        database.pool.withTransaction(
            c ->
                Retention.next(
                    c,
                    now,
                    piece -> {
                      log.add(piece.what() + " " + piece.subject());
                      return Future.succeededFuture();
                    })));
  }

  private void all(Instant now) {
    for (int i = 0; next(now).isPresent(); i++) {
      assertThat(i).isLessThan(100);
    }
  }

  private long decisions(UUID id) {
    return database.count("feedback.decision WHERE id = '" + id + "'");
  }

  private long labels(UUID id) {
    return database.count("feedback.model_feedback WHERE id = '" + id + "'");
  }

  private void hold(String model, Instant from, Instant to) {
    TestDatabase.get(
        database.pool.withTransaction(
            c ->
                LegalHolds.set(
                    c,
                    new LegalHolds.Hold(
                        UUID.randomUUID(), model, from, to, "case 7", "cora", NOW))));
  }

  @Test
  void next_overTheEdge_dropsTheWeeksThatArePastAndNothingElse() throws Exception {
    UUID old = decided(WEEK.minusMillis(1), "r-old"); // the last of a week that is past
    UUID kept = decided(WEEK, "r-kept"); // older than the edge, of the week it is in
    UUID young = decided(EDGE.plusMillis(1), null);
    UUID oldLabel = labelled(old, EDGE.minusMillis(1));
    UUID keptLabel = labelled(kept, EDGE);
    all(NOW);
    assertThat(decisions(old)).isZero();
    assertThat(decisions(kept)).isEqualTo(1);
    assertThat(decisions(young)).isEqualTo(1);
    assertThat(labels(oldLabel)).isZero();
    assertThat(labels(keptLabel)).isEqualTo(1);
    assertThat(database.count("feedback.request")).isEqualTo(1);
    assertThat(database.count("feedback.request WHERE request_id = 'r-kept'")).isEqualTo(1);
    assertThat(log)
        .containsExactly(
            "requests decision_2025w20", "decisions decision_2025w20", "labels labels");
    // A week later the next week goes, and its batch once no clock can have been that far ahead.
    all(NOW.plus(Duration.ofDays(7)));
    assertThat(decisions(kept)).isZero();
    assertThat(decisions(young)).isZero();
    assertThat(database.count("feedback.request")).isZero();
    all(NOW.plus(Duration.ofDays(9)));
    assertThat(database.count("feedback.decision_batch")).isZero();
    assertThat(database.count("feedback.model_feedback")).isZero();
  }

  @Test
  void next_leapDayAndEndsOfMonths_countCalendarMonths() throws Exception {
    // Eighteen months before 31 August 2027 is 28 February 2026; February has no 31st.
    UUID label = labelled(ids.id(0), Instant.parse("2026-02-28T11:59:59.999Z"));
    UUID later = labelled(ids.id(0), Instant.parse("2026-02-28T12:00:00Z"));
    all(Instant.parse("2027-08-31T12:00:00Z"));
    assertThat(labels(label)).isZero();
    assertThat(labels(later)).isEqualTo(1);
    UUID leap = labelled(ids.id(0), Instant.parse("2028-02-29T11:59:59.999Z"));
    all(Instant.parse("2029-08-29T12:00:00Z"));
    assertThat(labels(leap)).isZero();
  }

  @Test
  void next_rowsOfTheDefaultPartition_goToo() throws Exception {
    UUID stray = ids.id(WEEK.minus(Duration.ofDays(700)).toEpochMilli());
    TestDatabase.get(database.commits().commit(Decisions.plain(stray, true, false)));
    assertThat(database.count("feedback.decision_default")).isEqualTo(1);
    all(NOW);
    assertThat(decisions(stray)).isZero();
  }

  @Test
  void next_daysOfDrift_goByTheirDay() {
    for (String day : new String[] {"2025-05-23", "2025-05-24", "2026-11-23"}) {
      database.sql(
          "INSERT INTO feedback.feature_drift VALUES ('"
              + day
              + "', 'm', '1', 'f', 9, '{1}', '{9}', 0, 0, 0, 0, NULL, NULL, NULL, 'no baseline')");
    }
    all(NOW);
    assertThat(log).containsExactly("drift drift");
    assertThat(database.count("feedback.feature_drift WHERE day >= '2025-05-24'")).isEqualTo(2);
    assertThat(database.count("feedback.feature_drift")).isEqualTo(2);
  }

  @Test
  void next_legalHold_keepsWhatItNamesUntilItIsLifted() throws Exception {
    UUID held = decided(WEEK.minus(Duration.ofDays(3)), "r1");
    UUID free = decided(WEEK.minus(Duration.ofDays(10)), "r2");
    UUID heldLabel = labelled(held, EDGE.minusSeconds(9));
    UUID freeLabel = labelled(free, EDGE.minus(Duration.ofDays(14)));
    hold("m", WEEK.minus(Duration.ofDays(4)), WEEK.minus(Duration.ofDays(2)));
    hold("other", null, null);
    all(NOW);
    assertThat(decisions(held)).isEqualTo(1);
    assertThat(labels(heldLabel)).isEqualTo(1);
    assertThat(database.count("feedback.request")).isEqualTo(1);
    assertThat(database.count("feedback.decision_batch WHERE at > '2025-05-10'")).isEqualTo(1);
    assertThat(decisions(free)).isZero();
    assertThat(labels(freeLabel)).isZero();
    List<LegalHolds.Hold> holds = TestDatabase.get(database.pool.withTransaction(LegalHolds::list));
    assertThat(holds).hasSize(2);
    UUID first = holds.get(0).id();
    TestDatabase.get(database.pool.withTransaction(c -> LegalHolds.lift(c, first)));
    all(NOW);
    assertThat(decisions(held)).isZero();
    assertThat(labels(heldLabel)).isZero();
    assertThatThrownBy(
            () -> TestDatabase.get(database.pool.withTransaction(c -> LegalHolds.lift(c, first))))
        .isInstanceOf(FeedbackException.NotFound.class);
  }

  @Test
  void next_logRefuses_removesNothing() throws Exception {
    UUID old = decided(WEEK.minusMillis(1), "r");
    assertThatThrownBy(
            () ->
                TestDatabase.get(
                    database.pool.withTransaction(
                        c ->
                            Retention.next(
                                c, NOW, piece -> Future.failedFuture("the log is full")))))
        .hasMessageContaining("the log is full");
    assertThat(decisions(old)).isEqualTo(1);
    assertThat(database.count("feedback.request")).isEqualTo(1);
  }

  @Test
  void next_withoutATime_goesByTheDatabasesClock() throws Exception {
    UUID old = decided(Instant.now().minus(Duration.ofDays(600)), null);
    UUID young = decided(Instant.now(), null);
    all(null);
    assertThat(decisions(old)).isZero();
    assertThat(decisions(young)).isEqualTo(1);
  }

  @Test
  void next_pairsOfTrials_goByTheirAgeUnlessHeld() throws Exception {
    try (TrialPairs pairs = new TrialPairs(database.direct(), "here")) {
      UUID trial = UUID.randomUUID();
      for (String model : List.of("m", "held")) {
        for (Instant at : List.of(EDGE.minusSeconds(1), EDGE.plusSeconds(1))) {
          UUID id = ids.id(at.toEpochMilli());
          pairs.store(trial, List.of(new TrialPair(trial, id, model, 0, false, 1, true)), 0);
        }
      }
    }
    database.sql(
        "INSERT INTO feedback.legal_hold (id, model_id, from_id, to_id, reason, actor) VALUES"
            + " (gen_random_uuid(), 'held', '00000000-0000-0000-0000-000000000000',"
            + " 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'case', 'cora')");
    all(NOW);
    assertThat(log).contains("pairs pairs").doesNotContain("sums sums");
    assertThat(database.count("feedback.trial_pair WHERE model_id = 'm'")).isEqualTo(1);
    assertThat(database.count("feedback.trial_pair WHERE model_id = 'held'")).isEqualTo(2);
    all(Instant.now().plus(Duration.ofDays(600)));
    assertThat(database.count("feedback.trial_sum")).isZero();
    assertThat(database.count("feedback.trial_pair WHERE model_id = 'held'")).isEqualTo(2);
  }
}
