package io.apgms.ml.gateway.admin;

import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.registry.ReplicaState;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * Where a change of the forced modes is in force. A replica that has read it says so with its
 * report. One that says nothing may be dead, stopped or cut off: what it asked before the change
 * was committed lets it act for {@link DecisionModes#LEASE_NANOS} from before it asked, so no
 * longer than that from the commit, and what it asks later shows the change.
 *
 * <p>Times are of {@link System#nanoTime()}, passed in. Confined to one loop.
 */
final class ModeAcks {
  private final long auditSeq;
  private final long startedNanos;
  private final long committedNanos;
  private final Map<String, Long> ackedMs = new TreeMap<>();
  private final Set<String> silent = new TreeSet<>();

  /**
   * @param auditSeq of the change
   * @param self id of this replica, which has to read it as any other
   * @param startedNanos when it was asked for
   * @param committedNanos when it was known to be committed
   */
  ModeAcks(long auditSeq, String self, long startedNanos, long committedNanos) {
    this.auditSeq = auditSeq;
    this.startedNanos = startedNanos;
    this.committedNanos = committedNanos;
    silent.add(self);
  }

  /** Takes the reports of the replicas that may be alive; who was silent once is waited for. */
  void heard(List<ReplicaState> reports, long nowNanos) {
    for (ReplicaState replica : reports) {
      if (ackedMs.containsKey(replica.id())) {
        continue;
      }
      if (replica.auditSeq() >= auditSeq) {
        ackedMs.put(replica.id(), tookMs(nowNanos));
        silent.remove(replica.id());
      } else {
        silent.add(replica.id());
      }
    }
  }

  /** Whether nobody is left to wait for: all have said so, or none can act by what it knew. */
  boolean settled(long nowNanos) {
    return silent.isEmpty() || leftMs(nowNanos) == 0;
  }

  /** Until none can act by what it knew before, rounded up; 0 where that is past. */
  long leftMs(long nowNanos) {
    long leftNanos = committedNanos + DecisionModes.LEASE_NANOS - nowNanos;
    return leftNanos < 0 ? 0 : TimeUnit.NANOSECONDS.toMillis(leftNanos) + 1;
  }

  long tookMs(long nowNanos) {
    return TimeUnit.NANOSECONDS.toMillis(nowNanos - startedNanos);
  }

  /** Milliseconds until a replica was known to have read it, by its id. */
  Map<String, Long> acked() {
    return ackedMs;
  }

  /** Those that did not say that they have read it. */
  Set<String> silent() {
    return silent;
  }
}
