package io.apgms.ml.scoring.pool;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The scoring processes an edge knows, and what it has under way at each. Synchronous and confined
 * to one thread; the clock is passed in.
 *
 * <p>Single rows and batches queue apart there, so each have a window of their own. A member takes
 * a message as long as what is under way is below its window: it is exceeded by one message at
 * most, so none is too large to be sent at all. Credit comes back with an answer; that of a message
 * whose answer is lost {@link #LATE_NANOS} after its deadline; a process that is silent or gone is
 * forgotten, and its credit with it.
 */
final class Members {
  /**
   * One that has not announced itself for so long gets nothing more. Above the 2 s that a model may
   * hold a loop, on which the announcements are made too.
   */
  static final long SILENT_NANOS = TimeUnit.SECONDS.toNanos(3);

  /** By then one that lives has answered that it is out of time. */
  static final long LATE_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** Most processes that are kept in mind. */
  static final int MAX_MEMBERS = 1_024;

  private record Sent(boolean batch, int rows, long lostNanos) {}

  /** One of them. */
  static final class Member {
    private Announcement said;
    private long heardNanos;
    private final Map<Long, Sent> underWay = new HashMap<>();
    private int singles;
    private int batched;
    private long turn;

    private Member(Announcement said, long now) {
      this.said = said;
      this.heardNanos = now;
    }

    String address() {
      return said.address();
    }

    String node() {
      return said.node();
    }

    int rowsUnderWay() {
      return singles + batched;
    }

    private int rowsUnderWay(boolean batch) {
      return batch ? batched : singles;
    }

    /** Ids of what it has not answered. */
    Set<Long> idsUnderWay() {
      return Set.copyOf(underWay.keySet());
    }

    private boolean takes(VersionKey version, boolean batch) {
      return said.versions().contains(version) && rowsUnderWay(batch) < said.windowRows();
    }

    private void add(boolean batch, int rows) {
      singles += batch ? 0 : rows;
      batched += batch ? rows : 0;
    }

    private void release(long id) {
      Sent sent = underWay.remove(id);
      if (sent != null) {
        add(sent.batch(), -sent.rows());
      }
    }

    private void forgetLost(long now) {
      List<Long> lost = new ArrayList<>();
      underWay.forEach(
          (id, sent) -> {
            if (now - sent.lostNanos() >= 0) {
              lost.add(id);
            }
          });
      lost.forEach(this::release);
    }
  }

  private final Map<String, Member> byAddress = new LinkedHashMap<>();
  private long turns;

  void heard(Announcement said, long now) {
    Member member = byAddress.get(said.address());
    if (member != null) {
      member.said = said;
      member.heardNanos = now;
    } else if (byAddress.size() < MAX_MEMBERS) {
      byAddress.put(said.address(), new Member(said, now));
    }
  }

  /** Those that fell silent; they are forgotten. */
  List<Member> silent(long now) {
    List<Member> silent = new ArrayList<>();
    for (Iterator<Member> all = byAddress.values().iterator(); all.hasNext(); ) {
      Member member = all.next();
      member.forgetLost(now);
      if (now - member.heardNanos >= SILENT_NANOS) {
        all.remove();
        silent.add(member);
      }
    }
    return silent;
  }

  /** Those of a process that left the cluster; they are forgotten. */
  List<Member> left(String node) {
    List<Member> gone =
        byAddress.values().stream().filter(m -> m.said.node().equals(node)).toList();
    gone.forEach(m -> byAddress.remove(m.address()));
    return gone;
  }

  /**
   * The one with the fewest rows under way of those that serve the version and have room; of
   * several, the one whose turn was longest ago.
   *
   * @param but one that was asked before: another process if there is one, else another loop of it
   */
  @Nullable Member choose(VersionKey version, boolean batch, @Nullable Member but, long now) {
    if (but == null) {
      return best(version, batch, m -> true, now);
    }
    Member elsewhere = best(version, batch, m -> !m.node().equals(but.node()), now);
    return elsewhere != null
        ? elsewhere
        : best(version, batch, m -> !m.address().equals(but.address()), now);
  }

  private @Nullable Member best(
      VersionKey version, boolean batch, Predicate<Member> among, long now) {
    return byAddress.values().stream()
        .filter(m -> now - m.heardNanos < SILENT_NANOS && m.takes(version, batch))
        .filter(among)
        .min(
            Comparator.<Member>comparingInt(m -> m.rowsUnderWay(batch))
                .thenComparingInt(Member::rowsUnderWay)
                .thenComparingLong(m -> m.turn))
        .orElse(null);
  }

  /**
   * Takes credit of a member.
   *
   * @param deadlineNanos after which nobody waits for the answer
   */
  void sent(Member to, Ask ask, long deadlineNanos) {
    to.turn = ++turns;
    to.underWay.put(ask.id(), new Sent(ask.batch(), ask.count(), deadlineNanos + LATE_NANOS));
    to.add(ask.batch(), ask.count());
  }

  void answered(String from, long id) {
    Member member = byAddress.get(from);
    if (member != null) {
      member.release(id);
    }
  }

  /** What any of them serves. */
  Set<VersionKey> versions() {
    Set<VersionKey> all = new HashSet<>();
    byAddress.values().forEach(m -> all.addAll(m.said.versions()));
    return all;
  }

  /** What all of them serve that serve the model: one that starts or leaves serves none. */
  Set<VersionKey> commonVersions() {
    Set<VersionKey> common = versions();
    for (Member member : byAddress.values()) {
      Set<VersionKey> has = member.said.versions();
      common.removeIf(
          v -> !has.contains(v) && has.stream().anyMatch(h -> h.modelId().equals(v.modelId())));
    }
    return common;
  }

  int size() {
    return byAddress.size();
  }

  int rowsUnderWay() {
    return byAddress.values().stream().mapToInt(Member::rowsUnderWay).sum();
  }
}
