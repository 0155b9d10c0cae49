package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class LabelVolumeTest {
  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");

  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(31);
  private final LabelVolume volume = new LabelVolume(database.db, database.meters);

  private void labelled(NewLabel.Source source, int labels, Instant from) {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < labels; i++) {
      UUID id = ids.id(from.plusSeconds(i).toEpochMilli());
      rows.append(i == 0 ? "" : ",")
          .append("('" + id + "', '" + id + "', 'm', 'v', 'TRUE_POSITIVE', '" + source)
          .append("', 'ann', now(), 'ann', '')");
    }
    database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, observed_at, key_scope, body_hash) VALUES "
            + rows);
  }

  private double ratio(NewLabel.Source source) {
    return database
        .meters
        .get("apgms_ml_feedback_volume_ratio")
        .tag("source", source.name())
        .gauge()
        .value();
  }

  private static Instant weeksAgo(int weeks) {
    return NOW.minus(Duration.ofDays(7L * weeks)).minus(Duration.ofMinutes(50));
  }

  @Test
  void refresh_sourceAboveItsUsualHour_showsByHowMuch() {
    for (int week = 1; week <= LabelVolume.WEEKS; week++) {
      labelled(NewLabel.Source.FINANCE, 10, weeksAgo(week));
      labelled(NewLabel.Source.OPERATOR, 100, weeksAgo(week));
    }
    labelled(NewLabel.Source.FINANCE, 80, weeksAgo(0));
    labelled(NewLabel.Source.OPERATOR, 100, weeksAgo(0));
    labelled(NewLabel.Source.OPERATOR, 500, NOW.minus(Duration.ofHours(3))); // another hour
    labelled(NewLabel.Source.FINANCE, 500, NOW); // after the hour
    TestDatabase.get(volume.refresh(NOW));
    assertThat(ratio(NewLabel.Source.FINANCE)).isEqualTo(8);
    assertThat(ratio(NewLabel.Source.OPERATOR)).isEqualTo(1);
    assertThat(ratio(NewLabel.Source.REGULATOR)).isZero();
    // An hour later the spike is over, and the clock alone says so.
    TestDatabase.get(volume.refresh(NOW.plus(Duration.ofDays(1))));
    assertThat(ratio(NewLabel.Source.FINANCE)).isZero();
  }

  @Test
  void refresh_databaseAway_keepsWhatWasKnown() {
    labelled(NewLabel.Source.FINANCE, 40, weeksAgo(0));
    TestDatabase.get(volume.refresh(NOW));
    database.sql("ALTER TABLE feedback.model_feedback RENAME TO gone");
    assertThat(volume.refresh(NOW).toCompletionStage().toCompletableFuture())
        .failsWithin(Duration.ofSeconds(20));
    assertThat(ratio(NewLabel.Source.FINANCE)).isEqualTo(40);
  }

  @Test
  void spike_fewLabels_isNone() {
    assertThat(LabelVolume.spike(new long[] {19, 0, 0, 0, 0})).isZero();
    assertThat(LabelVolume.spike(new long[] {20, 0, 0, 0, 0})).isEqualTo(20);
    assertThat(LabelVolume.spike(new long[] {60, 20, 0, 40, 60})).isEqualTo(2);
  }
}
