package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.pool.Members.Member;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
    private final long retryNanos; // by the row with the least
    private String at;
    private boolean second;

    private Ticket(Ask ask, String at, long now) {
      this.ask = ask;
      this.at = at;
      long least = Long.MAX_VALUE;
      long most = Long.MIN_VALUE;
      for (long deadline : ask.deadlinesNanos()) {
        least = Math.min(least, deadline - now);
        most = Math.max(most, deadline - now);
      }
      this.deadlineNanos = now + most;
      this.retryNanos = now + Math.max(least / 2, LEAST_WAIT_NANOS);
    }
  }

  /** With retries, as it is to be; without them a lost process costs its rows all of their time. */
  Dispatch(Members members, Sender sender, Done done, boolean retries) {
    this.members = members;
    this.sender = sender;
    this.done = done;
    this.retries = retries;
  }

  /** Sends rows to a process, or answers them OVERLOADED at once. */
  void offer(Ask ask, long now) {
    Member member = members.choose(ask.version(), ask.count(), null, now);
    if (member == null) {
      unplaced += ask.count();
      done.done(ask, null, Outcome.OVERLOADED);
      return;
    }
    Ticket ticket = new Ticket(ask, member.address(), now);
    open.put(ask.id(), ticket);
    send(member, ticket, now);
  }

  private void send(Member member, Ticket ticket, long now) {
    members.sent(member, ticket.ask.id(), ticket.ask.count(), now);
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
      conclude(ticket, null, Outcome.NO_VERSION);
    } else if (!isElsewhereToTry(answer) || !again(ticket, now)) {
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
    Outcome first = answer.outcomes()[0];
    return first == Outcome.OVERLOADED || first == Outcome.NO_VERSION || first == Outcome.NO_MODEL;
  }

  private boolean again(Ticket ticket, long now) {
    if (!retries || ticket.second || now - ticket.deadlineNanos >= 0) {
      return false;
    }
    Member other = members.choose(ticket.ask.version(), ticket.ask.count(), ticket.at, now);
    if (other == null) {
      return false;
    }
    ticket.second = true;
    ticket.at = other.address();
    retried += ticket.ask.count();
    send(other, ticket, now);
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
    Set<Long> ids = gone.idsUnderWay();
    for (long id : ids) {
      Ticket ticket = open.get(id);
      if (ticket != null && ticket.at.equals(gone.address()) && !again(ticket, now) && retries) {
        conclude(ticket, null, Outcome.OVERLOADED);
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
        again(ticket, now); // without another one, the first may still answer
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
