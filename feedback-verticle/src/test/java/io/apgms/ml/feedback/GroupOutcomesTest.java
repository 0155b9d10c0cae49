package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class GroupOutcomesTest {
  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(43);
  private final GroupOutcomes outcomes = new GroupOutcomes(database.db);
  private final Instant now = Instant.parse("2026-11-24T12:00:00Z");

  private UUID decided(Duration ago, String groups, boolean review, double score) {
    UUID id = ids.id(now.minus(ago).toEpochMilli());
    database.sql(
        "INSERT INTO feedback.decision VALUES ('"
            + id
            + "', now(), 'm', '1', 'd1', '{1,2}', "
            + (groups == null ? "NULL" : "'" + groups + "'")
            + ", "
            + score
            + ", 0.5, "
            + review
            + ", false, false, 'env', 0)");
    return id;
  }

  private void labelled(UUID prediction, String label) {
    database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, observed_at, key_scope, body_hash) VALUES ('"
            + ids.id(now.toEpochMilli())
            + "', '"
            + prediction
            + "', 'm', '1', '"
            + label
            + "', 'OPERATOR', 'ann', clock_timestamp(), 'ann', '')");
  }

  @Test
  void read_decisionsAndLabels_areCountedByTheirGroups() {
    String female = "{\"sex\":\"female\"}";
    String male = "{\"sex\":\"male\"}";
    UUID first = decided(Duration.ofHours(1), female, true, 0.75);
    decided(Duration.ofHours(2), female, false, 0.25);
    decided(Duration.ofHours(3), null, true, 0.75);
    UUID old = decided(Duration.ofDays(9), male, true, 0.5);
    UUID past = decided(Duration.ofDays(31), male, true, 0.5);
    labelled(first, "FALSE_POSITIVE");
    labelled(first, "TRUE_POSITIVE"); // counts: observed later
    labelled(old, "FALSE_POSITIVE");
    labelled(past, "FALSE_POSITIVE");
    List<GroupOutcome> found = TestDatabase.get(outcomes.read(now));
    assertThat(found)
        .containsExactly(
            new GroupOutcome("m", "1", female, 2, 1, 1, 0, 0, 0, 0.75),
            new GroupOutcome("m", "1", male, 0, 0, 0, 1, 0, 0, 0.5));
  }
}
