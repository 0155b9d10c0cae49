package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.feedback.ExportedLabel.Field;
import io.apgms.ml.feedback.LabelExport.Window;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class LabelExportTest {
  private static final Instant START = Instant.parse("2026-11-24T00:00:00Z");
  private static final Window DAY = new Window(START, START.plusSeconds(86_400), "m");

  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(29);

  private UUID decided(Instant at) {
    UUID id = ids.id(at.toEpochMilli());
    TestDatabase.get(database.commits().commit(Decisions.plain(id, true, false)));
    return id;
  }

  private UUID labelled(UUID prediction, String label, Instant recorded, Instant observed) {
    UUID id = ids.id(recorded.toEpochMilli());
    database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, notes, observed_at, recorded_at, key_scope, body_hash) VALUES"
            + " ('"
            + id
            + "', '"
            + prediction
            + "', 'm', '20261123', '"
            + label
            + "', 'OPERATOR', 'ann', E'tab\\t, line\\nback\\\\slash \"ü\"', '"
            + observed
            + "', '"
            + recorded
            + "', 'ann', '')");
    return id;
  }

  private List<List<String>> read(Window window, Field... fields) {
    List<List<String>> rows = new ArrayList<>();
    try (LabelExport export = LabelExport.open(database.direct(), window)) {
      // In chunks of two, as an answer is written.
      int[] told = {0};
      while (export.read(
          row -> {
            rows.add(Arrays.stream(fields).map(row::text).toList());
            return ++told[0] % 2 == 0;
          })) {
        told[0] = 0;
      }
    }
    return rows;
  }

  @Test
  void read_labels_comeWithTheirDecisionsByPrediction() {
    UUID second = decided(START.plusSeconds(2));
    UUID first = decided(START.plusSeconds(1));
    UUID a = labelled(second, "TRUE_POSITIVE", START.plusSeconds(3), START);
    UUID b = labelled(first, "FALSE_POSITIVE", START.plusSeconds(4), START);
    assertThat(read(DAY, Field.ID, Field.PREDICTION_ID, Field.SCORE, Field.FEATURES))
        .containsExactly(
            List.of(b.toString(), first.toString(), "0.9", "{1,2}"),
            List.of(a.toString(), second.toString(), "0.9", "{1,2}"));
  }

  @Test
  void read_anyText_isWhatWasSent() {
    labelled(decided(START), "TRUE_POSITIVE", START, START);
    assertThat(read(DAY, Field.NOTES)).containsExactly(List.of("tab\t, line\nback\\slash \"ü\""));
    try (LabelExport export = LabelExport.open(database.direct(), DAY)) {
      export.read(
          row -> {
            assertThat(row.isNull(Field.METADATA)).isTrue();
            assertThat(row.text(Field.METADATA)).isNull();
            assertThat(row.time(Field.OBSERVED_AT)).isEqualTo("2026-11-24T00:00:00Z");
            assertThat(row.flag(Field.REVIEW)).isTrue();
            assertThat(row.flag(Field.ENFORCED)).isFalse();
            assertThat(row.numbers(Field.FEATURES)).containsExactly("1", "2");
            return false;
          });
    }
  }

  @Test
  void read_labelsThatDisagree_saysWhichCountsAtTheWindowsEnd() {
    UUID id = decided(START);
    labelled(id, "TRUE_POSITIVE", START.minusSeconds(9), START.plusSeconds(5)); // before the window
    labelled(id, "FALSE_POSITIVE", START.plusSeconds(1), START.plusSeconds(1));
    labelled(id, "FALSE_POSITIVE", DAY.to(), DAY.to()); // after it
    assertThat(read(DAY, Field.LABEL, Field.COUNTS, Field.COUNTING_LABEL))
        .containsExactly(List.of("FALSE_POSITIVE", "f", "TRUE_POSITIVE"));
    labelled(id, "FALSE_POSITIVE", START.plusSeconds(2), START.plusSeconds(6));
    assertThat(read(DAY, Field.LABEL, Field.COUNTS, Field.COUNTING_LABEL))
        .containsExactly(
            List.of("FALSE_POSITIVE", "f", "FALSE_POSITIVE"),
            List.of("FALSE_POSITIVE", "t", "FALSE_POSITIVE"));
  }

  @Test
  void read_decisionThatIsGone_stillTellsTheLabel() {
    labelled(ids.id(0), "TRUE_POSITIVE", START, START);
    try (LabelExport export = LabelExport.open(database.direct(), DAY)) {
      export.read(
          row -> {
            assertThat(row.isNull(Field.SCORE)).isTrue();
            assertThat(row.numbers(Field.FEATURES)).isNull();
            return false;
          });
    }
  }

  @Test
  void read_otherModel_isNotTold() {
    labelled(decided(START), "TRUE_POSITIVE", START, START);
    assertThat(read(new Window(DAY.from(), DAY.to(), "o'ther"), Field.ID)).isEmpty();
    assertThat(read(new Window(DAY.from(), DAY.to(), null), Field.ID)).hasSize(1);
  }

  @Test
  void close_inTheMiddle_endsTheStatement() {
    for (int i = 0; i < 3; i++) {
      labelled(decided(START.plusSeconds(i)), "TRUE_POSITIVE", START, START);
    }
    LabelExport export = LabelExport.open(database.direct(), DAY);
    assertThat(export.read(row -> true)).isTrue();
    export.close();
    assertThatThrownBy(() -> export.read(row -> false))
        .isInstanceOf(FeedbackException.Unavailable.class);
  }

  @Test
  void window_thatEndsBeforeItBegins_isRefused() {
    assertThatThrownBy(() -> new Window(START, START, null))
        .isInstanceOf(FeedbackException.Invalid.class);
  }
}
