package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class DriftCountsTest {
  private static final Duration HOUR = Duration.ofHours(1);

  private final TestDatabase database = new TestDatabase();
  private final DriftCounts counts = new DriftCounts(database.db);

  private static DriftCount count(String version, String feature, long... cells) {
    return new DriftCount("m", version, feature, new long[] {5, 6}, cells, 1, 2, 3, 4);
  }

  private List<DriftCount> over(Duration window) {
    return TestDatabase.get(counts.over(window));
  }

  private void at(Instant then) {
    database.sql("UPDATE feedback.drift_count SET at = '" + then + "'");
  }

  @Test
  void add_byManyReplicasAtOnce_isTheSumAndEachReportCountsOnce() {
    List<Future<Void>> adding = new ArrayList<>();
    for (int replica = 0; replica < 8; replica++) {
      UUID reporter = UUID.randomUUID();
      for (int again = 0; again < 3; again++) {
        adding.add(counts.add(reporter, 1, List.of(count("1", "b", 1, 0), count("1", "", 0, 1))));
      }
    }
    adding.forEach(TestDatabase::get);
    List<DriftCount> sums = over(HOUR);
    assertThat(sums).hasSize(2);
    DriftCount score = sums.get(0);
    assertThat(score.feature()).isEmpty();
    assertThat(score.cells()).containsExactly(0, 8);
    assertThat(sums.get(1).cells()).containsExactly(8, 0);
    assertThat(sums.get(1).baseline()).containsExactly(5, 6);
    assertThat(sums.get(1).missing()).isEqualTo(8);
    assertThat(sums.get(1).refusedMissing()).isEqualTo(16);
    assertThat(sums.get(1).refusedRange()).isEqualTo(24);
    assertThat(sums.get(1).reviews()).isEqualTo(32);
  }

  @Test
  void over_bucketsInAndOutOfTheWindow_sumsThoseInIt() {
    UUID reporter = UUID.randomUUID();
    Instant now = Instant.now();
    TestDatabase.get(counts.add(reporter, 1, List.of(count("1", "a", 1, 0))));
    at(now.minus(Duration.ofHours(30)));
    TestDatabase.get(counts.add(reporter, 2, List.of(count("1", "a", 10, 0))));
    database.sql(
        "UPDATE feedback.drift_count SET at = '"
            + now.minus(Duration.ofHours(3))
            + "' WHERE cells[1] = 10");
    TestDatabase.get(counts.add(reporter, 3, List.of(count("1", "a", 100, 7))));
    TestDatabase.get(counts.add(reporter, 4, List.of(count("2", "a", 1_000, 0))));
    assertThat(over(HOUR)).extracting(c -> c.cells()[0]).containsExactly(100L, 1_000L);
    assertThat(over(Duration.ofHours(24)))
        .extracting(c -> c.cells()[0])
        .containsExactly(110L, 1_000L);
    assertThat(over(Duration.ofHours(24)).get(0).cells()[1]).isEqualTo(7);
  }

  /** Another module by the same name is another baseline: its cells are not added to the old. */
  @Test
  void add_otherBaselineUnderTheSameName_beginsAnew() {
    UUID reporter = UUID.randomUUID();
    TestDatabase.get(counts.add(reporter, 1, List.of(count("1", "a", 1, 2))));
    DriftCount other =
        new DriftCount("m", "1", "a", new long[] {9, 9, 9}, new long[] {1, 1, 1}, 0, 0, 0, 0);
    TestDatabase.get(counts.add(reporter, 2, List.of(other)));
    assertThat(over(HOUR)).hasSize(1);
    assertThat(over(HOUR).get(0).cells()).containsExactly(1, 1, 1);
  }

  @Test
  void due_daysThatAreOver_areWrittenOnceByWhoeverComesFirst() {
    LocalDate today = LocalDate.now(ZoneOffset.UTC);
    LocalDate yesterday = today.minusDays(1);
    UUID reporter = UUID.randomUUID();
    TestDatabase.get(counts.add(reporter, 1, List.of(count("1", "a", 1, 0))));
    assertThat(TestDatabase.get(counts.due())).as("today is not over").isEmpty();
    at(today.atStartOfDay().toInstant(ZoneOffset.UTC).minusSeconds(600));
    TestDatabase.get(counts.add(reporter, 2, List.of(count("1", "a", 50, 0))));
    assertThat(TestDatabase.get(counts.due())).containsExactly(yesterday);
    List<DriftCount> sums = TestDatabase.get(counts.on(yesterday));
    assertThat(sums).hasSize(1);
    assertThat(sums.get(0).cells()).containsExactly(1, 0);
    DriftDay first = new DriftDay(sums.get(0), 1, 0.25, 0.01, 0.1, "drifted");
    DriftDay late = new DriftDay(sums.get(0), 1, null, null, null, "insufficient data");
    TestDatabase.get(counts.write(yesterday, List.of(first)));
    TestDatabase.get(counts.write(yesterday, List.of(late)));
    assertThat(TestDatabase.get(counts.due())).isEmpty();
    Row row =
        TestDatabase.get(database.db.read("SELECT * FROM feedback.feature_drift", Tuple.tuple()))
            .iterator()
            .next();
    assertThat(row.getLocalDate("day")).isEqualTo(yesterday);
    assertThat(row.getDouble("psi")).isEqualTo(0.25);
    assertThat(row.getString("verdict")).isEqualTo("drifted");
    assertThat(row.getArrayOfLongs("cells")).containsExactly(1L, 0L);
  }

  @Test
  void add_bucketsOlderThanThreeDays_areGone() {
    UUID reporter = UUID.randomUUID();
    TestDatabase.get(counts.add(reporter, 1, List.of(count("1", "a", 1, 0))));
    at(Instant.now().minus(Duration.ofHours(73)));
    TestDatabase.get(counts.add(reporter, 2, List.of(count("1", "b", 1, 0))));
    assertThat(database.count("feedback.drift_count")).isEqualTo(1);
  }
}
