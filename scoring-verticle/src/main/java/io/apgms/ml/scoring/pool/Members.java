package io.apgms.ml.scoring.pool;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The scoring processes an edge knows, and what it has under way at each. Synchronous and confined
 * to one thread; the clock is passed in.
 *
 * <p>Rows under way at one never exceed its window, but for one message where nothing is under way.
 * Credit comes back with an answer. A message that was lost gives it back {@link #LOST_NANOS} after
 * it was sent; a process that is silent or gone is forgotten, and its credit with it.
 */
final class Members {
  /** One that has not announced itself for so long gets nothing more. */
  static final long SILENT_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** More than the longest deadline a client may ask for. */
  static final long LOST_NANOS = TimeUnit.SECONDS.toNanos(90);

  /** Most processes that are kept in mind. */
  static final int MAX_MEMBERS = 1_024;

  private record Sent(int rows, long nanos) {}

  /** One of them. */
  static final class Member {
    private Announcement said;
    private long heardNanos;
    private final Map<Long, Sent> underWay = new LinkedHashMap<>();
    private int rows;
    private long turn;

    private Member(Announcement said, long now) {
      this.said = said;
      this.heardNanos = now;
    }

    String address() {
      return said.address();
    }

    int rowsUnderWay() {
      return rows;
    }

    /** Ids of what it has not answered. */
    Set<Long> idsUnderWay() {
      return Set.copyOf(underWay.keySet());
    }

    private boolean takes(VersionKey version, int more) {
      return said.versions().contains(version) && (rows == 0 || rows + more <= said.windowRows());
    }

    private void release(long id) {
      Sent sent = underWay.remove(id);
      rows -= sent == null ? 0 : sent.rows();
    }

    private void forgetLost(long now) {
      for (Iterator<Sent> all = underWay.values().iterator(); all.hasNext(); ) {
        Sent oldest = all.next();
        if (now - oldest.nanos() < LOST_NANOS) {
          return;
        }
        all.remove();
        rows -= oldest.rows();
      }
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
   * @param but one that is passed over; null for none
   */
  @Nullable Member choose(VersionKey version, int rows, @Nullable String but, long now) {
    Member best = null;
    for (Member member : byAddress.values()) {
      if (!member.address().equals(but)
          && now - member.heardNanos < SILENT_NANOS
          && member.takes(version, rows)
          && (best == null || isBetter(member, best))) {
        best = member;
      }
    }
    return best;
  }

  private static boolean isBetter(Member one, Member other) {
    return one.rows < other.rows || (one.rows == other.rows && one.turn < other.turn);
  }

  void sent(Member to, long id, int rows, long now) {
    to.turn = ++turns;
    to.underWay.put(id, new Sent(rows, now));
    to.rows += rows;
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

  int size() {
    return byAddress.size();
  }

  int rowsUnderWay() {
    return byAddress.values().stream().mapToInt(Member::rowsUnderWay).sum();
  }
}
