package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.pool.Members.Member;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Takes rows to a scoring process, once more to another where the first does not answer in time,
 * says that it cannot, falls silent or is gone, and answers each exactly once. Scoring changes
 * nothing, so what is scored twice is scored alike. Synchronous and confined to one thread; the
 * clock is passed in.
 */
final class Dispatch {
  /**
   * An answer that is not there by then, or by half of the time left if that is longer, is late.
   */
  static final long LEAST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** Sends to an address; must not throw, and need not arrive. */
  interface Sender {
    void send(String address, Ask ask);
  }

  /** Where an outcome goes: the answer, or why there is none. */
  interface Done {
    void done(Ask ask, @Nullable Answer answer, Outcome none);
  }

  private final Members members;
  private final Sender sender;
  private final Done done;
  private final boolean retries;
  private final Map<Long, Ticket> open = new LinkedHashMap<>();
  private long retried;
  private long unplaced;

  private static final class Ticket {
    private final Ask ask;
    private final long deadlineNanos; // of the row with the most time
    private final long retryNanos;
    private final List<Member> asked = new ArrayList<>(2); // and may still answer
    private boolean second;

    private Ticket(Ask ask, long hurryNanos, long now) {
      this.ask = ask;
      long most = Long.MIN_VALUE;
      for (long deadline : ask.deadlinesNanos()) {
        most = Math.max(most, deadline - now);
      }
      this.deadlineNanos = now + most;
      this.retryNanos = now + Math.max((hurryNanos - now) / 2, LEAST_WAIT_NANOS);
    }
  }

  /** Over members; without retries nothing is sent twice, only to see what comes of that. */
  Dispatch(Members members, Sender sender, Done done, boolean retries) {
    this.members = members;
    this.sender = sender;
    this.done = done;
    this.retries = retries;
  }

  /**
   * Sends rows to a process, or answers them OVERLOADED at once.
   *
   * @param hurryNanos the first deadline of all that wait for these rows
   */
  void offer(Ask ask, long hurryNanos, long now) {
    Member member = members.choose(ask.version(), ask.batch(), null, now);
    if (member == null) {
      unplaced += ask.count();
      done.done(ask, null, Outcome.OVERLOADED);
      return;
    }
    Ticket ticket = new Ticket(ask, hurryNanos, now);
    open.put(ask.id(), ticket);
    send(member, ticket);
  }

  private void send(Member member, Ticket ticket) {
    ticket.asked.add(member);
    members.sent(member, ticket.ask, ticket.deadlineNanos);
    sender.send(member.address(), ticket.ask);
  }

  /** Takes an answer; one for rows that were answered before only gives its credit back. */
  void answered(Answer answer, long now) {
    members.answered(answer.from(), answer.id());
    Ticket ticket = open.get(answer.id());
    if (ticket == null) {
      return;
    }
    if (!ticket.ask.version().equals(answer.version()) || !isWhole(ticket.ask, answer)) {
      refused(ticket, answer.from(), null, Outcome.NO_VERSION, now);
    } else if (isElsewhereToTry(answer)) {
      refused(ticket, answer.from(), answer, Outcome.FAILED, now);
    } else {
      conclude(ticket, answer, Outcome.FAILED);
    }
  }

  private static boolean isWhole(Ask ask, Answer answer) {
    boolean scored = answer.outcomes()[0] == Outcome.SCORED;
    return ask.batch()
        ? answer.outcomes().length == 1 && answer.scores().length == (scored ? ask.count() : 0)
        : answer.outcomes().length == ask.count() && answer.scores().length == ask.count();
  }

  /** That process has no room or does not have the version: another may. */
  private static boolean isElsewhereToTry(Answer answer) {
    List<Outcome> all = List.of(answer.outcomes());
    return !all.contains(Outcome.SCORED)
        && (all.contains(Outcome.OVERLOADED)
            || all.contains(Outcome.NO_VERSION)
            || all.contains(Outcome.NO_MODEL));
  }

  /** One that was asked gives no score: another is asked, or the other one may still answer. */
  private void refused(
      Ticket ticket, String from, @Nullable Answer answer, Outcome none, long now) {
    Member by = null;
    for (Member asked : ticket.asked) {
      by = asked.address().equals(from) ? asked : by;
    }
    if (by != null) {
      ticket.asked.remove(by);
      if (!again(ticket, by, now) && ticket.asked.isEmpty()) {
        conclude(ticket, answer, none);
      }
    }
  }

  private boolean again(Ticket ticket, Member but, long now) {
    if (!retries || ticket.second || now - ticket.deadlineNanos >= 0) {
      return false;
    }
    Member other = members.choose(ticket.ask.version(), ticket.ask.batch(), but, now);
    if (other == null) {
      return false;
    }
    ticket.second = true;
    retried += ticket.ask.count();
    send(other, ticket);
    return true;
  }

  private void conclude(Ticket ticket, @Nullable Answer answer, Outcome none) {
    open.remove(ticket.ask.id());
    done.done(ticket.ask, answer, none);
  }

  /** Takes a process as gone, and its rows to others. */
  void left(String node, long now) {
    members.left(node).forEach(m -> elsewhere(m, now));
  }

  private void elsewhere(Member gone, long now) {
    for (long id : gone.idsUnderWay()) {
      Ticket ticket = open.get(id);
      if (ticket != null && retries) {
        refused(ticket, gone.address(), null, Outcome.OVERLOADED, now);
      }
    }
  }

  /** What is late goes to another process once; what is out of time is answered. */
  void sweep(long now) {
    members.silent(now).forEach(m -> elsewhere(m, now));
    List<Ticket> late = new ArrayList<>();
    for (Ticket ticket : open.values()) {
      if (now - ticket.deadlineNanos >= 0 || now - ticket.retryNanos >= 0) {
        late.add(ticket);
      }
    }
    for (Ticket ticket : late) {
      if (now - ticket.deadlineNanos >= 0) {
        conclude(ticket, null, Outcome.EXPIRED);
      } else {
        again(ticket, ticket.asked.get(0), now); // without another one, the first may still answer
      }
    }
  }

  int open() {
    return open.size();
  }

  /** Rows that were sent a second time. */
  long retried() {
    return retried;
  }

  /** Rows for which no process had room. */
  long unplaced() {
    return unplaced;
  }
}
