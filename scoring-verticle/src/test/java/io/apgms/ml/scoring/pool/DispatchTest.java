package io.apgms.ml.scoring.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DispatchTest {
  private static final VersionKey V1 = new VersionKey("m", "20260101", "sha256:1");
  private static final VersionKey V2 = new VersionKey("m", "20260102", "sha256:2");
  private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);

  private record Sent(String to, Ask ask) {}

  private record Outcomes(Answer answer, Outcome none) {}

  private final List<Sent> sent = new ArrayList<>();
  private final Map<Long, List<Outcomes>> done = new LinkedHashMap<>();
  private final Members members = new Members();
  private long now = -5_000 * MS; // nanoTime may be negative

  private Dispatch dispatch(boolean retries) {
    return new Dispatch(
        members,
        (to, ask) -> sent.add(new Sent(to, ask)),
        (ask, answer, none) ->
            done.computeIfAbsent(ask.id(), i -> new ArrayList<>()).add(new Outcomes(answer, none)),
        retries);
  }

  private void announce(String address, int window, VersionKey... versions) {
    announce("node-" + address, address, window, versions);
  }

  private void announce(String node, String address, int window, VersionKey... versions) {
    members.heard(new Announcement(node, address, window, Set.of(versions)), now);
  }

  private Ask ask(long id, int rows, long leftMs) {
    long[] deadlines = new long[rows];
    Arrays.fill(deadlines, now + leftMs * MS);
    return new Ask(id, "edge", V1, false, 1, new float[rows], deadlines);
  }

  private Ask batch(long id, int rows, long leftMs) {
    return new Ask(id, "edge", V1, true, 1, new float[rows], new long[] {now + leftMs * MS});
  }

  private void offer(Dispatch dispatch, Ask ask) {
    long least = Long.MAX_VALUE;
    for (long deadline : ask.deadlinesNanos()) {
      least = Math.min(least, deadline - now);
    }
    dispatch.offer(ask, now + least, now);
  }

  private static Answer scored(Sent sent, VersionKey by) {
    Outcome[] outcomes = new Outcome[sent.ask().count()];
    Arrays.fill(outcomes, Outcome.SCORED);
    return new Answer(sent.ask().id(), sent.to(), by, outcomes, new double[outcomes.length]);
  }

  private static Answer refused(Sent sent, Outcome why) {
    Outcome[] outcomes = new Outcome[sent.ask().count()];
    Arrays.fill(outcomes, why);
    return new Answer(sent.ask().id(), sent.to(), V1, outcomes, new double[outcomes.length]);
  }

  private Outcomes only(long id) {
    assertThat(done.get(id)).as("answers of %d", id).hasSize(1);
    return done.get(id).get(0);
  }

  @Test
  void offer_severalMembers_goesWhereTheFewestRowsAreUnderWay() {
    Dispatch dispatch = dispatch(true);
    announce("a", 100, V1);
    announce("b", 100, V1);
    announce("c", 100, V2);
    offer(dispatch, ask(1, 10, 1_000));
    offer(dispatch, ask(2, 3, 1_000));
    offer(dispatch, ask(3, 3, 1_000));
    offer(dispatch, ask(4, 3, 1_000));
    assertThat(sent).extracting(Sent::to).containsExactly("a", "b", "b", "b");
    dispatch.answered(scored(sent.get(0), V1), now);
    offer(dispatch, ask(5, 1, 1_000));
    assertThat(sent.get(4).to()).isEqualTo("a");
  }

  @Test
  void offer_windowsAreFull_isOverloadedAtOnceUntilCreditComesBack() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    offer(dispatch, ask(1, 10, 1_000));
    offer(dispatch, ask(2, 9, 1_000));
    offer(dispatch, ask(3, 5, 1_000));
    assertThat(sent).extracting(Sent::to).as("by one message").containsExactly("a", "b", "b");
    offer(dispatch, ask(4, 2, 1_000));
    assertThat(only(4).none()).isEqualTo(Outcome.OVERLOADED);
    assertThat(dispatch.unplaced()).isEqualTo(2);
    dispatch.answered(scored(sent.get(0), V1), now);
    offer(dispatch, ask(5, 2, 1_000));
    assertThat(sent).hasSize(4);
    assertThat(sent.get(3).to()).isEqualTo("a");
  }

  @Test
  void offer_moreThanAWindow_goesWhereThereIsRoom() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    offer(dispatch, ask(1, 500, 1_000));
    assertThat(sent).hasSize(1);
    offer(dispatch, ask(2, 1, 1_000));
    assertThat(only(2).none()).isEqualTo(Outcome.OVERLOADED);
  }

  /** They queue apart there, too: neither takes the other's room. */
  @Test
  void offer_batchesAndSingleRows_haveAWindowEach() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    offer(dispatch, batch(1, 10, 10_000));
    offer(dispatch, ask(2, 10, 1_000));
    assertThat(sent).hasSize(2);
    offer(dispatch, batch(3, 1, 10_000));
    offer(dispatch, ask(4, 1, 1_000));
    assertThat(only(3).none()).isEqualTo(Outcome.OVERLOADED);
    assertThat(only(4).none()).isEqualTo(Outcome.OVERLOADED);
    dispatch.answered(new Answer(1, "a", V1, new Outcome[] {Outcome.SCORED}, new double[10]), now);
    offer(dispatch, batch(5, 1, 10_000));
    assertThat(sent).hasSize(3);
  }

  @Test
  void offer_noneServesTheVersion_isOverloadedAtOnce() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V2);
    offer(dispatch, ask(1, 1, 1_000));
    assertThat(only(1).none()).isEqualTo(Outcome.OVERLOADED);
  }

  @Test
  void sweep_noAnswerInHalfOfTheTime_asksAnotherOnce_andTheFirstAnswerCounts() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    offer(dispatch, ask(1, 1, 900));
    now += 449 * MS;
    dispatch.sweep(now);
    assertThat(sent).hasSize(1);
    now += 1 * MS;
    dispatch.sweep(now);
    dispatch.sweep(now + MS);
    assertThat(sent).extracting(Sent::to).containsExactly("a", "b");
    assertThat(dispatch.retried()).isEqualTo(1);
    dispatch.answered(scored(sent.get(0), V1), now);
    assertThat(only(1).answer().from()).isEqualTo("a");
    assertThat(members.rowsUnderWay()).as("the second's credit").isEqualTo(1);
    dispatch.answered(scored(sent.get(1), V1), now);
    assertThat(only(1).answer()).isNotNull();
    assertThat(members.rowsUnderWay()).isZero();
  }

  @Test
  void sweep_rowsInAHurry_areNotSentTwiceBeforeAnAnswerCanBeThere() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    offer(dispatch, ask(1, 1, 20));
    dispatch.sweep(now + 19 * MS);
    assertThat(sent).hasSize(1);
    dispatch.sweep(now + 20 * MS);
    assertThat(only(1).none()).isEqualTo(Outcome.EXPIRED);
  }

  @Test
  void left_aMemberWithRowsUnderWay_theyGoToAnotherAtOnce() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    offer(dispatch, ask(1, 2, 900));
    dispatch.left("node-a", now);
    assertThat(sent).extracting(Sent::to).containsExactly("a", "b");
    dispatch.left("node-b", now);
    assertThat(only(1).none()).as("lost twice").isEqualTo(Outcome.OVERLOADED);
  }

  @Test
  void sweep_aMemberFallsSilent_itsRowsGoToAnother_andItIsForgotten() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    offer(dispatch, ask(1, 10, 30_000));
    now += Members.SILENT_NANOS - 1;
    announce("b", 10, V1);
    dispatch.sweep(now);
    assertThat(sent).hasSize(1);
    now += 1;
    dispatch.sweep(now);
    assertThat(sent).extracting(Sent::to).containsExactly("a", "b");
    announce("a", 10, V1);
    offer(dispatch, ask(2, 10, 1_000));
    assertThat(sent.get(2).to()).as("it begins with its whole window").isEqualTo("a");
  }

  /** The control of the tests above: who does not ask again loses what was under way. */
  @Test
  void left_withoutRetries_theRowsHaveTheirTimeAndNothingElse() {
    Dispatch dispatch = dispatch(false);
    announce("a", 10, V1);
    announce("b", 10, V1);
    offer(dispatch, ask(1, 2, 900));
    dispatch.left("node-a", now);
    dispatch.sweep(now + 899 * MS);
    assertThat(sent).hasSize(1);
    assertThat(done).isEmpty();
    dispatch.sweep(now + 900 * MS);
    assertThat(only(1).none()).isEqualTo(Outcome.EXPIRED);
  }

  @Test
  void answered_fullOrWithoutTheVersion_asksAnotherOnce() {
    for (Outcome why : new Outcome[] {Outcome.OVERLOADED, Outcome.NO_VERSION, Outcome.NO_MODEL}) {
      sent.clear();
      done.clear();
      Dispatch dispatch = dispatch(true);
      announce("a", 10, V1);
      announce("b", 10, V1);
      offer(dispatch, ask(1, 1, 900));
      dispatch.answered(refused(sent.get(0), why), now);
      assertThat(sent).hasSize(2);
      dispatch.answered(refused(sent.get(1), why), now);
      assertThat(only(1).answer().outcomes()[0]).isEqualTo(why);
    }
  }

  /** A is late, and B was asked; each may be the one that refuses, is gone, or is of no use. */
  @Test
  void answered_refusedByOneOfTwo_waitsForTheOther() {
    for (int first = 0; first < 2; first++) {
      for (int how = 0; how < 3; how++) {
        sent.clear();
        done.clear();
        Dispatch dispatch = dispatch(true);
        announce("a", 10, V1);
        announce("b", 10, V1);
        offer(dispatch, ask(1, 1, 900));
        dispatch.sweep(now + 450 * MS);
        assertThat(sent).hasSize(2);
        Sent refusing = sent.get(first);
        switch (how) {
          case 0 -> dispatch.answered(refused(refusing, Outcome.OVERLOADED), now + 451 * MS);
          case 1 -> dispatch.answered(scored(refusing, V2), now + 451 * MS);
          default -> dispatch.left("node-" + refusing.to(), now + 451 * MS);
        }
        assertThat(done).as("%s, how %d", refusing.to(), how).isEmpty();
        dispatch.answered(scored(sent.get(1 - first), V1), now + 452 * MS);
        assertThat(only(1).answer()).isNotNull();
        members.left("node-a");
        members.left("node-b");
      }
    }
  }

  @Test
  void answered_someOutOfTimeAndSomeRefused_asksAnother() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    offer(dispatch, ask(1, 2, 900));
    dispatch.answered(
        new Answer(1, "a", V1, new Outcome[] {Outcome.EXPIRED, Outcome.NO_VERSION}, new double[2]),
        now);
    assertThat(sent).hasSize(2);
  }

  @Test
  void sweep_aProcessOfTwoLoopsFallsSilent_itsRowsGoToAnotherProcess() {
    Dispatch dispatch = dispatch(true);
    announce("n1", "a1", 64, V1);
    now += 60 * MS;
    announce("n1", "a2", 64, V1);
    announce("n2", "b1", 64, V1);
    offer(dispatch, ask(1, 1, 30_000));
    offer(dispatch, ask(2, 9, 30_000));
    offer(dispatch, ask(3, 9, 30_000));
    assertThat(sent).extracting(Sent::to).containsExactly("a1", "a2", "b1");
    now += Members.SILENT_NANOS - 60 * MS; // n1 was killed
    announce("n2", "b1", 64, V1);
    dispatch.sweep(now);
    assertThat(sent.get(3).to()).as("has more under way than a2").isEqualTo("b1");
  }

  /** The loops of one process are asked where there is no other process. */
  @Test
  void sweep_oneProcessOfTwoLoops_theOtherLoopIsAsked() {
    Dispatch dispatch = dispatch(true);
    announce("n1", "a1", 64, V1);
    announce("n1", "a2", 64, V1);
    offer(dispatch, ask(1, 1, 900));
    dispatch.sweep(now + 450 * MS);
    assertThat(sent).extracting(Sent::to).containsExactly("a1", "a2");
  }

  /** A chunk is answered whole: its rows of one model do not wait for the time of the others'. */
  @Test
  void sweep_othersOfTheChunkAreInAHurry_asksAnotherInHalfOfTheirTime() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    dispatch.offer(ask(1, 1, 30_000), now + 400 * MS, now);
    dispatch.sweep(now + 200 * MS);
    assertThat(sent).hasSize(2);
  }

  /** 256 rows of 5 ms hold a loop for 1.3 s, on which it announces itself too. */
  @Test
  void sweep_aMemberScoresForOverASecondAtATime_isNotSilent() {
    Dispatch dispatch = dispatch(true);
    announce("a", 4_096, V1);
    announce("b", 4_096, V1);
    offer(dispatch, batch(1, 4_096, 30_000));
    for (int slice = 0; slice < 8; slice++) {
      now += 1_300 * MS;
      dispatch.sweep(now);
      announce("a", 4_096, V1);
      announce("b", 4_096, V1);
    }
    assertThat(done).isEmpty();
    assertThat(sent).hasSize(1);
  }

  @Test
  void answered_byAnotherVersionThanAsked_isNoScore() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    offer(dispatch, ask(1, 1, 900));
    dispatch.answered(scored(sent.get(0), V2), now);
    assertThat(only(1).answer()).isNull();
    assertThat(only(1).none()).isEqualTo(Outcome.NO_VERSION);
  }

  @Test
  void answered_forOtherRowsThanAsked_isNoScore() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    offer(dispatch, ask(1, 3, 900));
    dispatch.answered(
        new Answer(1, "a", V1, new Outcome[] {Outcome.SCORED}, new double[] {0.5}), now);
    assertThat(only(1).answer()).isNull();
  }

  @Test
  void sent_anAnswerThatNeverCame_givesItsCreditBackInTheEnd() {
    Dispatch dispatch = dispatch(true);
    announce("a", 1, V1);
    offer(dispatch, ask(1, 1, 900));
    now += 900 * MS + Members.LATE_NANOS - 1;
    announce("a", 1, V1);
    dispatch.sweep(now);
    assertThat(members.rowsUnderWay()).isEqualTo(1);
    now += 1;
    dispatch.sweep(now);
    assertThat(members.rowsUnderWay()).isZero();
  }

  /** Members come, go, fall silent, are slow and lose messages: one answer each, in time. */
  @Test
  void anyHistory_everyAskIsAnsweredOnceByItsDeadline_andNoWindowIsExceeded() {
    for (long seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      sent.clear();
      done.clear();
      Members pool = new Members();
      Map<Long, Long> deadlines = new HashMap<>();
      Map<Long, Long> doneAt = new HashMap<>();
      Map<Long, Integer> times = new HashMap<>();
      Dispatch dispatch =
          new Dispatch(
              pool,
              (to, ask) -> sent.add(new Sent(to, ask)),
              (ask, answer, none) -> {
                doneAt.put(ask.id(), now);
                times.merge(ask.id(), 1, Integer::sum);
              },
              true);
      long next = 0;
      for (int step = 0; step < 400; step++) {
        now += random.nextInt(1, 20) * MS;
        int member = random.nextInt(4);
        switch (random.nextInt(8)) {
          case 0, 1 ->
              pool.heard(new Announcement("n" + member, "a" + member, 20, Set.of(V1)), now);
          case 2, 3, 4 -> {
            Ask ask = ask(next, random.nextInt(1, 12), random.nextInt(1, 600));
            deadlines.put(next++, ask.deadlinesNanos()[0]);
            offer(dispatch, ask);
          }
          case 5, 6 -> {
            if (!sent.isEmpty()) {
              Sent one = sent.remove(random.nextInt(sent.size()));
              if (random.nextInt(4) > 0) { // else it is lost
                dispatch.answered(scored(one, V1), now);
              }
            }
          }
          default -> {
            if (random.nextInt(5) == 0) {
              dispatch.left("n" + member, now);
            }
          }
        }
        dispatch.sweep(now);
        assertThat(pool.rowsUnderWay()).isLessThan(4 * (20 + 11)); // by one message
      }
      for (int i = 0; i < 70; i++) {
        now += 10 * MS;
        dispatch.sweep(now);
      }
      assertThat(dispatch.open()).isZero();
      assertThat(times.keySet()).as("seed %d", seed).isEqualTo(deadlines.keySet());
      assertThat(times.values()).as("seed %d", seed).containsOnly(1);
      deadlines.forEach(
          (id, deadline) -> assertThat(doneAt.get(id) - deadline).as("late").isLessThan(701 * MS));
    }
  }
}
