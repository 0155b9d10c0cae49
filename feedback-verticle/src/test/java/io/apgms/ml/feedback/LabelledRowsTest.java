package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.feedback.LabelledRows.LabelledRow;
import io.apgms.ml.feedback.LabelledRows.Window;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class LabelledRowsTest {
  private static final Instant START = Instant.parse("2026-11-17T00:00:00Z");
  private static final Window WEEK = new Window("m", START, START.plus(Duration.ofDays(7)));

  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(5);

  private UUID decided(Instant at, boolean review) {
    UUID id = ids.id(at.toEpochMilli());
    TestDatabase.get(database.commits().commit(Decisions.plain(id, review, false)));
    return id;
  }

  /** As the service writes it, at a time of our choice. */
  private void labelled(UUID prediction, String label, Instant recorded, Instant observed) {
    database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, notes, metadata, observed_at, key_scope, body_hash) VALUES ('"
            + ids.id(recorded.toEpochMilli())
            + "', '"
            + prediction
            + "', 'm', '20261123', '"
            + label
            + "', 'OPERATOR', 'ann', 'private', '{\"name\":\"Ann\"}', '"
            + observed
            + "', 'ann', '')");
  }

  private List<LabelledRow> read(Window window) throws SQLException {
    List<LabelledRow> rows = new ArrayList<>();
    try (Connection connection = connect()) {
      LabelledRows.read(connection, window, rows::add);
    }
    return rows;
  }

  private Connection connect() throws SQLException {
    return DriverManager.getConnection(database.url(), "postgres", "");
  }

  @Test
  void read_eachLabel_saysWhetherTheOutcomeWasAdverse() throws SQLException {
    List<String> labels =
        List.of("TRUE_POSITIVE", "FALSE_POSITIVE", "FALSE_NEGATIVE", "TRUE_NEGATIVE");
    for (int i = 0; i < labels.size(); i++) {
      Instant at = START.plusSeconds(i);
      labelled(decided(at, i < 2), labels.get(i), at, at);
    }

    List<LabelledRow> rows = read(WEEK);

    assertThat(rows).extracting(LabelledRow::positive).containsExactly(true, false, true, false);
    assertThat(rows.get(0).features()).containsExactly(1, 2);
    assertThat(rows.get(0).modelVersion()).isEqualTo("20261123");
    assertThat(rows.get(0).modelDigest()).isEqualTo("d1");
  }

  @Test
  void read_labelsThatDisagree_takesTheNewestObserved() throws SQLException {
    UUID id = decided(START, true);
    labelled(id, "FALSE_POSITIVE", START.plusSeconds(3), START.plusSeconds(2));
    labelled(id, "TRUE_POSITIVE", START.plusSeconds(4), START.plusSeconds(1));

    assertThat(read(WEEK)).extracting(LabelledRow::positive).containsExactly(false);
  }

  @Test
  void read_correctedAfterTheWindow_staysAsItWasAtItsEnd() throws SQLException {
    UUID id = decided(START, true);
    labelled(id, "FALSE_POSITIVE", START, START);
    labelled(id, "TRUE_POSITIVE", WEEK.to(), WEEK.to());

    assertThat(read(WEEK)).extracting(LabelledRow::positive).containsExactly(false);
    assertThat(read(new Window("m", WEEK.to(), WEEK.to().plusSeconds(1))))
        .extracting(LabelledRow::positive)
        .containsExactly(true);
  }

  @Test
  void read_window_takesItsStartAndNotItsEndAndNoOtherModel() throws SQLException {
    UUID before = decided(START.minusSeconds(9), true);
    labelled(before, "TRUE_POSITIVE", START.minusMillis(1), START);
    UUID first = decided(START.minusSeconds(8), true);
    labelled(first, "TRUE_POSITIVE", START, START.minusSeconds(1));
    UUID after = decided(START, true);
    labelled(after, "TRUE_POSITIVE", WEEK.to(), START);

    assertThat(read(WEEK)).hasSize(1);
    assertThat(read(new Window("other", WEEK.from(), WEEK.to()))).isEmpty();
  }

  @Test
  void read_rowsBeyondOneFetch_comeThroughACursor() throws SQLException {
    database.sql(
        "INSERT INTO feedback.decision (id, at, model_id, model_version, model_digest, features,"
            + " score, threshold, review, act, enforced, mode_source, flag_age_ms)"
            + " SELECT ('019a8f2b-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, now(), 'm',"
            + " '20261123', 'd1', '{1,NaN}', 0.9, 0.5, true, false, false, 'file', 0"
            + " FROM generate_series(1, 2500) i");
    database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, observed_at, key_scope, body_hash) SELECT id, id, 'm',"
            + " '20261123', 'TRUE_POSITIVE', 'OPERATOR', 'ann', now(), 'ann', ''"
            + " FROM feedback.decision");
    Window all = new Window("m", Instant.EPOCH, Instant.parse("2100-01-01T00:00:00Z"));
    List<Integer> cursors = new ArrayList<>();
    List<LabelledRow> rows = new ArrayList<>();

    try (Connection connection = connect()) {
      LabelledRows.read(
          connection,
          all,
          row -> {
            rows.add(row);
            cursors.add(openCursors(connection));
          });
    }

    assertThat(rows).hasSize(2500);
    assertThat(rows.get(0).features()[1]).isNaN();
    assertThat(cursors.get(0)).isEqualTo(1);
  }

  private static int openCursors(Connection connection) {
    try (var statement = connection.createStatement();
        var found = statement.executeQuery("SELECT count(*) FROM pg_cursors WHERE name <> ''")) {
      found.next();
      return found.getInt(1);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void read_databaseWithoutTheTables_isUnavailable() throws SQLException {
    try (Connection connection =
        DriverManager.getConnection(
            database.url().replace(database.name, "postgres"), "postgres", "")) {
      assertThatThrownBy(() -> LabelledRows.read(connection, WEEK, row -> {}))
          .isInstanceOf(FeedbackException.Unavailable.class)
          .hasMessageContaining("SQLSTATE 42P01");
    }
  }

  @Test
  void window_thatEndsBeforeItBegins_isRefused() {
    assertThatThrownBy(() -> new Window("m", START, START))
        .isInstanceOf(FeedbackException.Invalid.class)
        .hasMessageContaining("expected one that ends after it begins");
  }
}
