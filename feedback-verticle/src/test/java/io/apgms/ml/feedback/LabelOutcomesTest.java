package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class LabelOutcomesTest {
  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");

  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(41);
  private final LabelOutcomes outcomes = new LabelOutcomes(database.db);

  private void labelled(UUID prediction, String version, String label, Duration lag) {
    Instant recorded = Instant.ofEpochMilli(Decision.ms(prediction)).plus(lag);
    database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, observed_at, recorded_at, key_scope, body_hash) VALUES ('"
            + ids.id(recorded.toEpochMilli())
            + "', '"
            + prediction
            + "', 'm', '"
            + version
            + "', '"
            + label
            + "', 'OPERATOR', 'ann', '"
            + recorded
            + "', '"
            + recorded
            + "', 'ann', '')");
  }

  private UUID predicted(Duration ago) {
    return ids.id(NOW.minus(ago).toEpochMilli());
  }

  private void counted(String day, String version, long rows, long reviews) {
    database.sql(
        "INSERT INTO feedback.feature_drift VALUES ('"
            + day
            + "', 'm', '"
            + version
            + "', '', "
            + rows
            + ", '{1}', '{1}', 0, 0, 0, "
            + reviews
            + ", NULL, NULL, NULL, 'no baseline')");
  }

  private LabelOutcome of(String version) {
    List<LabelOutcome> all = TestDatabase.get(outcomes.read(NOW));
    return all.stream().filter(o -> o.modelVersion().equals(version)).findFirst().orElseThrow();
  }

  @Test
  void read_labelsOfAVersion_countsTheNewestOfEachPrediction() {
    UUID changed = predicted(Duration.ofDays(2));
    labelled(changed, "1", "TRUE_POSITIVE", Duration.ofHours(1));
    labelled(changed, "1", "FALSE_POSITIVE", Duration.ofHours(3));
    labelled(predicted(Duration.ofDays(3)), "1", "TRUE_POSITIVE", Duration.ofHours(2));
    labelled(predicted(Duration.ofDays(3)), "1", "FALSE_NEGATIVE", Duration.ofHours(2));
    labelled(predicted(Duration.ofDays(31)), "1", "TRUE_NEGATIVE", Duration.ofHours(1)); // too old
    labelled(predicted(Duration.ofDays(1)), "2", "TRUE_NEGATIVE", Duration.ofHours(5));
    counted("2026-11-22", "1", 1_000, 40);
    counted("2026-11-23", "1", 500, 10);
    counted("2026-10-24", "1", 7_000, 7_000); // too old
    database.sql(
        "INSERT INTO feedback.drift_count VALUES ('m', '1', '', '2026-11-24 10:00Z', '{1,1}',"
            + " '{30,12}', 0, 0, 0, 5), ('m', '1', '', '2026-11-23 10:00Z', '{1,1}',"
            + " '{500,0}', 0, 0, 0, 10), ('m', '1', 'f', '2026-11-24 10:00Z', '{1,1}',"
            + " '{30,12}', 0, 0, 0, 0)");
    assertThat(of("1")).isEqualTo(new LabelOutcome("m", "1", 1_542, 55, 1, 1, 0, 1, 2 * 3_600));
    assertThat(of("2")).isEqualTo(new LabelOutcome("m", "2", 0, 0, 0, 0, 1, 0, 5 * 3_600));
  }

  @Test
  void estimates_fewLabels_areNone() {
    LabelOutcome few = new LabelOutcome("m", "1", 1_000, 100, 19, 0, 500, 1, 1);
    assertThat(few.precision()).isNaN();
    assertThat(few.recall()).isNaN();
    assertThat(few.coverage(true)).isEqualTo(0.19);
    assertThat(LabelOutcome.none("m", "1").coverage(false)).isNaN();
    assertThat(new LabelOutcome("m", "1", 10, 5, 30, 10, 0, 0, 1).coverage(true)).isEqualTo(1);
  }

  /** Reviews are labelled nine times in ten, the rest once in fifty. */
  @Test
  void recall_ofASlantedSample_isThatOfAllDecisions() {
    SplittableRandom random = new SplittableRandom(7);
    long[] labels = new long[4]; // TP, FP, TN, FN
    long reviews = 0;
    long adverse = 0;
    long found = 0;
    int decisions = 200_000;
    for (int i = 0; i < decisions; i++) {
      boolean review = random.nextInt(10) == 0;
      boolean bad = random.nextDouble() < (review ? 0.7 : 0.05);
      reviews += review ? 1 : 0;
      adverse += bad ? 1 : 0;
      found += bad && review ? 1 : 0;
      if (random.nextDouble() < (review ? 0.9 : 0.02)) {
        labels[review ? (bad ? 0 : 1) : (bad ? 3 : 2)]++;
      }
    }
    LabelOutcome known =
        new LabelOutcome(
            "m", "1", decisions, reviews, labels[0], labels[1], labels[2], labels[3], 1);
    double truth = (double) found / adverse;
    assertThat(known.precision()).isCloseTo(0.7, within(0.01));
    assertThat(known.recall()).isCloseTo(truth, within(0.04));
    double naive = (double) labels[0] / (labels[0] + labels[3]);
    assertThat(naive).as("of the labels alone").isGreaterThan(truth + 0.2);
  }
}
