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
    members.heard(new Announcement("node-" + address, address, window, Set.of(versions)), now);
  }

  private Ask ask(long id, int rows, long leftMs) {
    long[] deadlines = new long[rows];
    Arrays.fill(deadlines, now + leftMs * MS);
    return new Ask(id, "edge", V1, false, 1, new float[rows], deadlines);
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
    dispatch.offer(ask(1, 10, 1_000), now);
    dispatch.offer(ask(2, 3, 1_000), now);
    dispatch.offer(ask(3, 3, 1_000), now);
    dispatch.offer(ask(4, 3, 1_000), now);
    assertThat(sent).extracting(Sent::to).containsExactly("a", "b", "b", "b");
    dispatch.answered(scored(sent.get(0), V1), now);
    dispatch.offer(ask(5, 1, 1_000), now);
    assertThat(sent.get(4).to()).isEqualTo("a");
  }

  @Test
  void offer_windowsAreFull_isOverloadedAtOnceUntilCreditComesBack() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    dispatch.offer(ask(1, 10, 1_000), now);
    dispatch.offer(ask(2, 9, 1_000), now);
    dispatch.offer(ask(3, 2, 1_000), now);
    assertThat(only(3).none()).isEqualTo(Outcome.OVERLOADED);
    assertThat(dispatch.unplaced()).isEqualTo(2);
    dispatch.answered(scored(sent.get(0), V1), now);
    dispatch.offer(ask(4, 2, 1_000), now);
    assertThat(sent).hasSize(3);
    assertThat(sent.get(2).to()).isEqualTo("a");
  }

  @Test
  void offer_moreThanAWindow_goesWhereNothingIsUnderWay() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    dispatch.offer(ask(1, 500, 1_000), now);
    assertThat(sent).hasSize(1);
    dispatch.offer(ask(2, 1, 1_000), now);
    assertThat(only(2).none()).isEqualTo(Outcome.OVERLOADED);
  }

  @Test
  void offer_noneServesTheVersion_isOverloadedAtOnce() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V2);
    dispatch.offer(ask(1, 1, 1_000), now);
    assertThat(only(1).none()).isEqualTo(Outcome.OVERLOADED);
  }

  @Test
  void sweep_noAnswerInHalfOfTheTime_asksAnotherOnce_andTheFirstAnswerCounts() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    announce("b", 10, V1);
    dispatch.offer(ask(1, 1, 900), now);
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
    dispatch.offer(ask(1, 1, 20), now);
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
    dispatch.offer(ask(1, 2, 900), now);
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
    dispatch.offer(ask(1, 10, 30_000), now);
    now += Members.SILENT_NANOS - 1;
    announce("b", 10, V1);
    dispatch.sweep(now);
    assertThat(sent).hasSize(1);
    now += 1;
    dispatch.sweep(now);
    assertThat(sent).extracting(Sent::to).containsExactly("a", "b");
    announce("a", 10, V1);
    dispatch.offer(ask(2, 10, 1_000), now);
    assertThat(sent.get(2).to()).as("it begins with its whole window").isEqualTo("a");
  }

  /** The control of the tests above: who does not ask again loses what was under way. */
  @Test
  void left_withoutRetries_theRowsHaveTheirTimeAndNothingElse() {
    Dispatch dispatch = dispatch(false);
    announce("a", 10, V1);
    announce("b", 10, V1);
    dispatch.offer(ask(1, 2, 900), now);
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
      dispatch.offer(ask(1, 1, 900), now);
      dispatch.answered(refused(sent.get(0), why), now);
      assertThat(sent).hasSize(2);
      dispatch.answered(refused(sent.get(1), why), now);
      assertThat(only(1).answer().outcomes()[0]).isEqualTo(why);
    }
  }

  @Test
  void answered_byAnotherVersionThanAsked_isNoScore() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    dispatch.offer(ask(1, 1, 900), now);
    dispatch.answered(scored(sent.get(0), V2), now);
    assertThat(only(1).answer()).isNull();
    assertThat(only(1).none()).isEqualTo(Outcome.NO_VERSION);
  }

  @Test
  void answered_forOtherRowsThanAsked_isNoScore() {
    Dispatch dispatch = dispatch(true);
    announce("a", 10, V1);
    dispatch.offer(ask(1, 3, 900), now);
    dispatch.answered(
        new Answer(1, "a", V1, new Outcome[] {Outcome.SCORED}, new double[] {0.5}), now);
    assertThat(only(1).answer()).isNull();
  }

  @Test
  void sent_anAnswerThatNeverCame_givesItsCreditBackInTheEnd() {
    Dispatch dispatch = dispatch(true);
    announce("a", 1, V1);
    dispatch.offer(ask(1, 1, 900), now);
    now += Members.LOST_NANOS;
    announce("a", 1, V1);
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
            dispatch.offer(ask, now);
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
        assertThat(pool.rowsUnderWay()).isLessThanOrEqualTo(4 * 20);
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
