package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class DecisionScanTest {
  private final TestDatabase database = new TestDatabase();
  private final Decisions decisions = new Decisions(41);
  private final Instant now = Instant.now();

  private DecisionScan open(String model, Instant from, Instant to) throws Exception {
    Properties login = new Properties();
    login.setProperty("user", "postgres");
    return DecisionScan.open(database.url(), login, model, from, to);
  }

  private Map<UUID, Decision> stored() {
    Map<UUID, Decision> stored = new HashMap<>();
    GroupCommit commits = database.commits();
    List<Future<Decision>> pending = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      long at = now.minus(Duration.ofHours(i % 100)).toEpochMilli();
      Decision decision = decisions.next(decisions.id(at));
      stored.put(decision.id(), decision);
      pending.add(commits.commit(decision));
    }
    pending.forEach(TestDatabase::get);
    return stored;
  }

  @Test
  void forEach_ofAModelAndATime_givesThoseOnceAndTheSame() throws Exception {
    Map<UUID, Decision> stored = stored();
    Instant from = now.minus(Duration.ofHours(50));
    try (DecisionScan scan = open("risk-score", from, now)) {
      List<Decision> found = new ArrayList<>();
      scan.forEach(found::add);
      List<Decision> expected =
          stored.values().stream()
              .filter(d -> d.modelId().equals("risk-score"))
              .filter(d -> d.at().toEpochMilli() >= from.toEpochMilli())
              .filter(d -> d.at().toEpochMilli() < now.toEpochMilli())
              .toList();
      assertThat(found).hasSize(expected.size());
      assertThat(scan.count()).isEqualTo(expected.size());
      for (Decision d : found) {
        CopyTupleTest.assertSame(d).isEqualTo(stored.get(d.id()));
      }
    }
  }

  @Test
  void forEach_ofNothing_givesNothing() throws Exception {
    stored();
    try (DecisionScan scan = open("it's", Instant.EPOCH, now)) {
      scan.forEach(
          d -> {
            throw new AssertionError(d.id());
          });
      assertThat(scan.count()).isZero();
    }
  }

  @Test
  @Timeout(20)
  void forEach_consumerFails_endsWithItsFailure() throws Exception {
    stored();
    try (DecisionScan scan = open("risk-score", Instant.EPOCH, now.plusSeconds(1))) {
      assertThatThrownBy(
              () ->
                  scan.forEach(
                      d -> {
                        throw new IllegalStateException("enough");
                      }))
          .hasMessage("enough");
    }
  }
}
