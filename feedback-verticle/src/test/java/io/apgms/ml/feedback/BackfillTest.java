package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.feedback.Backfill.Line;
import io.apgms.ml.feedback.Backfill.Outcome;
import io.apgms.ml.feedback.Backfill.Rejected;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackfillTest {
  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  @TempDir Path dir;
  private final TestDatabase database = new TestDatabase();
  private final Decisions decisions = new Decisions(23);
  private final List<NewLabel.Label> counted = new ArrayList<>();
  private Spool spool;
  private Backfill backfill;
  private long number;

  @BeforeEach
  void open() {
    spool = Spool.open(dir, 1 << 20);
    backfill = open("ann");
  }

  @AfterEach
  void close() {
    backfill.close();
    spool.close();
  }

  private Backfill open(String subject) {
    return Backfill.open(
        database.direct(),
        spool,
        TestDatabase.SPOOLS,
        subject,
        (label, source) -> counted.add(label));
  }

  private UUID committed(boolean review) {
    UUID id = decisions.id(System.currentTimeMillis());
    TestDatabase.get(database.commits().commit(Decisions.plain(id, review, false)));
    return id;
  }

  private Line line(UUID id, String version, NewLabel.Label label, String key) {
    NewLabel sent =
        new NewLabel(
            id, "m", version, label, NewLabel.Source.FINANCE, "ann", "n", "{\"a\":1}", NOON);
    return new Line(++number, sent, key, key.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  private Line positive(UUID id, String key) {
    return line(id, "20261123", NewLabel.Label.TRUE_POSITIVE, key);
  }

  @Test
  void write_mayWaitInAnotherReplicasSpool_saysThatItIsNotKnownYet() {
    UUID early = decisions.id(System.currentTimeMillis());
    database.sql(
        "INSERT INTO feedback.spool VALUES ('there', "
            + (early.getMostSignificantBits() >>> 16)
            + ")");
    UUID unknown = decisions.id(System.currentTimeMillis() - 10_000);
    Outcome first = backfill.write(List.of(positive(early, "a"), positive(unknown, "b")));
    assertThat(first.rejected())
        .extracting(Rejected::reason)
        .containsExactly(Spools.elsewhere(early).getMessage(), "no prediction with id " + unknown);
    TestDatabase.get(database.commits().commit(Decisions.plain(early, true, false)));
    assertThat(backfill.write(List.of(positive(early, "a"))).recorded()).isEqualTo(1);
  }

  @Test
  void write_goodAndBadLines_keepsTheGoodAndNamesTheBad() {
    UUID id = committed(true);
    UUID unknown = decisions.id(System.currentTimeMillis());
    Outcome outcome =
        backfill.write(
            List.of(
                positive(id, "a"),
                positive(unknown, "b"),
                line(id, "20261116", NewLabel.Label.TRUE_POSITIVE, "c"),
                line(id, "20261123", NewLabel.Label.TRUE_NEGATIVE, "d"),
                line(id, "20261123", NewLabel.Label.FALSE_POSITIVE, "e")));
    assertThat(outcome.recorded()).isEqualTo(2);
    assertThat(outcome.rejected()).extracting(Rejected::number).containsExactly(2L, 3L, 4L);
    assertThat(outcome.rejected())
        .extracting(Rejected::reason)
        .containsExactly(
            "no prediction with id " + unknown,
            "m 20261116 did not make the prediction, expected m 20261123",
            "TRUE_NEGATIVE for a case recommended review, expected …_POSITIVE");
    assertThat(database.count("feedback.model_feedback")).isEqualTo(2);
    assertThat(counted)
        .containsExactly(NewLabel.Label.TRUE_POSITIVE, NewLabel.Label.FALSE_POSITIVE);
    assertThat(
            database.count(
                "feedback.model_feedback WHERE notes = 'n' AND metadata = '{\"a\":1}'"
                    + " AND observed_at = '"
                    + NOON
                    + "' AND submitted_by = 'ann' AND source = 'FINANCE'"))
        .isEqualTo(2);
  }

  @Test
  void write_sameLineAgain_isTheSameLabelInThisBatchOrALaterOne() {
    UUID id = committed(true);
    Outcome first = backfill.write(List.of(positive(id, "a"), positive(id, "a")));
    Outcome second = backfill.write(List.of(positive(id, "a"), positive(id, "b")));
    assertThat(first.recorded()).isEqualTo(1);
    assertThat(first.repeated()).isEqualTo(1);
    assertThat(second.recorded()).isEqualTo(1);
    assertThat(second.repeated()).isEqualTo(1);
    try (Backfill other = open("bob")) {
      assertThat(other.write(List.of(positive(id, "a"))).recorded()).isEqualTo(1);
    }
    assertThat(database.count("feedback.model_feedback")).isEqualTo(3);
  }

  @Test
  void write_sameKeyOtherContent_isRejected() {
    UUID id = committed(true);
    Line first = positive(id, "a");
    Line other = new Line(9, first.label(), "a", new byte[] {9});
    Outcome together = backfill.write(List.of(first, other));
    Outcome later = backfill.write(List.of(other));
    for (Outcome outcome : List.of(together, later)) {
      assertThat(outcome.rejected())
          .singleElement()
          .satisfies(r -> assertThat(r.number()).isEqualTo(9))
          .satisfies(r -> assertThat(r.reason()).contains("expected a new key"));
    }
  }

  @Test
  void write_twinOfARejectedLine_isRejectedForTheSameReason() {
    UUID unknown = decisions.id(System.currentTimeMillis());
    Outcome outcome = backfill.write(List.of(positive(unknown, "a"), positive(unknown, "a")));
    assertThat(outcome.rejected()).hasSize(2);
    assertThat(outcome.repeated()).isZero();
  }

  @Test
  void write_predictionStillInTheSpool_isStoredWithItsLabel() {
    Decision waiting = Decisions.plain(decisions.id(System.currentTimeMillis()), true, false);
    spool.append(List.of(waiting));
    assertThat(backfill.write(List.of(positive(waiting.id(), "a"))).recorded()).isEqualTo(1);
    assertThat(database.count("feedback.decision")).isEqualTo(1);
    assertThat(database.count("feedback.decision_batch")).isEqualTo(1);
  }

  @Test
  void write_refusedByTheTable_keepsNothingOfTheBatch() {
    UUID id = committed(true);
    database.sql("ALTER TABLE feedback.model_feedback ADD CHECK (submitted_by <> 'eve')");
    Line good = positive(id, "a");
    NewLabel l = good.label();
    NewLabel bad =
        new NewLabel(id, "m", "20261123", l.label(), l.source(), "eve", null, null, l.observedAt());
    assertThatThrownBy(() -> backfill.write(List.of(good, new Line(2, bad, "b", new byte[] {1}))))
        .isInstanceOf(FeedbackException.Unavailable.class)
        .hasMessageContaining("23514");
    assertThat(database.count("feedback.model_feedback")).isZero();
    assertThat(counted).isEmpty();
    assertThat(backfill.write(List.of(good)).recorded()).isEqualTo(1);
  }

  @Test
  void write_serverAway_isUnavailableAndSafeToRepeat() {
    UUID id = committed(true);
    Line line = positive(id, "a");
    database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            + " WHERE application_name = 'ml-service-backfill' AND datname = current_database()");
    assertThatThrownBy(() -> backfill.write(List.of(line)))
        .isInstanceOf(FeedbackException.Unavailable.class);
    try (Backfill again = open("ann")) {
      assertThat(again.write(List.of(line)).recorded()).isEqualTo(1);
    }
  }
}
