package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReplicasTest {
  private static final Instant STARTED = Instant.parse("2026-11-23T01:02:03.000004Z");
  private final TestDatabase database = new TestDatabase();
  private final Replicas replicas = database.registry.replicas();

  private static ReplicaState replica(String id, int revision) {
    return new ReplicaState(
        id,
        STARTED,
        Map.of("m1", new ReplicaState.Serving("20261101", revision)),
        Map.of("m2", "20261108"),
        Map.of("m3", "it has no signature"),
        "http://127.0.0.1:9090",
        revision * 10L);
  }

  @Test
  void live_afterHeartbeats_isTheLatestReportOfEach() {
    get(replicas.heartbeat(replica("b", 1)));
    get(replicas.heartbeat(replica("a", 1)));
    get(replicas.heartbeat(replica("b", 2)));
    assertThat(get(replicas.live(Duration.ofSeconds(30))))
        .containsExactly(replica("a", 1), replica("b", 2));
  }

  @Test
  void live_replicaOfTheReleaseBefore_hasReadNothing() {
    database.sql(
        "INSERT INTO registry.replica (id, started_at, seen_at, serving, env_pins)"
            + " VALUES ('old', now(), clock_timestamp(), '{}', '{}')");
    assertThat(get(replicas.live(Duration.ofSeconds(30))))
        .extracting(ReplicaState::auditSeq)
        .containsExactly(0L);
  }

  @Test
  void live_silentReplica_isLeftOutByTheDatabaseClock() {
    get(replicas.heartbeat(replica("a", 1)));
    get(replicas.heartbeat(replica("b", 1)));
    database.sql(
        "UPDATE registry.replica SET seen_at = seen_at - interval '31 seconds' WHERE id = 'a'");
    assertThat(get(replicas.live(Duration.ofSeconds(30)))).containsExactly(replica("b", 1));
    get(replicas.heartbeat(replica("a", 3)));
    assertThat(get(replicas.live(Duration.ofSeconds(30)))).hasSize(2);
  }

  @Test
  void heartbeat_rowsOlderThanADay_areRemovedAHundredAtATime() {
    get(replicas.heartbeat(replica("a", 1)));
    database.sql(
        "INSERT INTO registry.replica SELECT 'old-' || s, now(), now() - interval '25 hours',"
            + " '{}', '{}' FROM generate_series(1, 150) s;"
            + " UPDATE registry.replica SET seen_at = now() - interval '23 hours' WHERE id = 'a'");
    get(replicas.heartbeat(replica("b", 1)));
    assertThat(get(replicas.live(Duration.ofDays(3)))).hasSize(52);
    get(replicas.heartbeat(replica("b", 1)));
    assertThat(get(replicas.live(Duration.ofDays(3)))).hasSize(2);
  }

  @Test
  void heartbeat_ownRowOlderThanADay_isTakenUpAgain() {
    get(replicas.heartbeat(replica("a", 1)));
    database.sql("UPDATE registry.replica SET seen_at = now() - interval '2 days'");
    get(replicas.heartbeat(replica("a", 2)));
    assertThat(get(replicas.live(Duration.ofSeconds(30)))).containsExactly(replica("a", 2));
  }

  @Test
  void leave_stoppingReplica_isGoneAtOnce() {
    get(replicas.heartbeat(replica("a", 1)));
    get(replicas.leave("a"));
    get(replicas.leave("nobody"));
    assertThat(get(replicas.live(Duration.ofSeconds(30)))).isEmpty();
  }

  @Test
  void silent_notHeardOfForAWhile_isNamedUnlessItLeftOrIsLongGone() {
    for (String id : new String[] {"a", "b", "c", "d"}) {
      get(replicas.heartbeat(replica(id, 1)));
    }
    database.sql(
        "UPDATE registry.replica SET seen_at = seen_at - interval '4 seconds' WHERE id <> 'a';"
            + " UPDATE registry.replica SET seen_at = now() - interval '1 minute' WHERE id = 'c'");
    get(replicas.leave("d"));
    assertThat(get(replicas.silent(Duration.ofSeconds(3), Duration.ofSeconds(30))))
        .containsExactly("b");
  }

  @Test
  void replicaState_blankId_isInvalid() {
    assertThatThrownBy(() -> new ReplicaState("", STARTED, Map.of(), Map.of(), Map.of(), null, 0))
        .isInstanceOf(RegistryException.Invalid.class);
  }
}
