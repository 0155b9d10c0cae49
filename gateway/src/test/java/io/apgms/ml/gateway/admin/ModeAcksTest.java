package io.apgms.ml.gateway.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.flags.ForcedObserve;
import io.apgms.ml.registry.ReplicaState;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ModeAcksTest {
  private static final long STARTED = Long.MAX_VALUE - 5; // nanoTime may turn over
  private static final long COMMITTED = at(10);
  private static final long LEASE_MS = TimeUnit.NANOSECONDS.toMillis(DecisionModes.LEASE_NANOS);

  private final ModeAcks acks = new ModeAcks(7, "a", STARTED, COMMITTED);

  private static long at(long ms) {
    return STARTED + TimeUnit.MILLISECONDS.toNanos(ms);
  }

  private static ReplicaState replica(String id, long auditSeq) {
    return new ReplicaState(id, Instant.EPOCH, Map.of(), Map.of(), Map.of(), null, auditSeq);
  }

  @Test
  void settled_allHaveReadIt_isAtOnce() {
    assertThat(acks.settled(at(11))).as("nobody was heard yet").isFalse();
    acks.heard(List.of(replica("a", 7), replica("b", 6), replica("c", 9)), at(20));
    assertThat(acks.settled(at(20))).isFalse();
    acks.heard(List.of(replica("a", 8), replica("b", 7), replica("c", 9)), at(40));
    assertThat(acks.settled(at(40))).isTrue();
    assertThat(acks.acked()).isEqualTo(Map.of("a", 20L, "b", 40L, "c", 20L));
    assertThat(acks.silent()).isEmpty();
  }

  @Test
  void settled_thisReplicaReportsNothing_isNotBeforeTheLease() {
    acks.heard(List.of(replica("b", 7)), at(20));
    assertThat(acks.settled(at(20))).isFalse();
    assertThat(acks.silent()).containsExactly("a");
  }

  @Test
  void settled_oneOfTheReleaseBefore_isLeftToItsLease() {
    acks.heard(List.of(replica("a", 7), replica("old", 0)), at(20));
    assertThat(acks.settled(at(9 + LEASE_MS))).isFalse();
    assertThat(acks.settled(at(11 + LEASE_MS))).isTrue();
    assertThat(acks.silent()).containsExactly("old");
  }

  @Test
  void heard_silentOneOutOfTheReports_isWaitedForStill() {
    acks.heard(List.of(replica("a", 7), replica("b", 6)), at(20));
    acks.heard(List.of(replica("a", 7)), at(40));
    assertThat(acks.settled(at(40))).isFalse();
    acks.heard(List.of(replica("b", 7)), at(60));
    assertThat(acks.settled(at(60))).isTrue();
    assertThat(acks.acked()).containsEntry("a", 20L).containsEntry("b", 60L);
  }

  /** The bound is the lease's own: whatever was asked before the commit, nobody acts by it then. */
  @Test
  void settled_byTime_isWhenNoReadingFromBeforeLetsAnybodyAct() {
    DecisionModes silent = new DecisionModes(DecisionMode.ACT);
    silent.force(new ForcedObserve(false, Set.of()), COMMITTED); // asked for at the last moment
    FlagContext case1 = new FlagContext("m", null, null);
    for (long nanos = -2; nanos <= 2; nanos++) {
      long now = COMMITTED + DecisionModes.LEASE_NANOS + nanos;
      boolean acts = silent.resolve(case1, now).mode() == DecisionMode.ACT;
      assertThat(acks.settled(now)).as("%d ns after", nanos).isEqualTo(!acts);
    }
    assertThat(acks.leftMs(COMMITTED)).isEqualTo(LEASE_MS + 1);
    assertThat(acks.leftMs(at(5_000))).isZero();
  }

  @Test
  void tookMs_isFromTheRequest() {
    acks.heard(List.of(replica("a", 7)), at(31));
    assertThat(acks.tookMs(at(32))).isEqualTo(32);
    assertThat(Set.copyOf(acks.acked().values())).containsExactly(31L);
  }
}
