package io.apgms.ml.registry.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.Trial.State;
import io.apgms.ml.registry.TrialBounds;
import io.apgms.ml.registry.TrialSums;
import io.apgms.ml.registry.Trials.Verdict;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class TrialGateTest {
  private static final TrialBounds BOUNDS = TrialBounds.DEFAULT;
  private static final int TRIALS = 200;

  private static TrialSums seen(long pairs, long disagreements, double difference) {
    return new TrialSums(
        pairs, 0, disagreements, pairs * difference, pairs * difference * difference, 0);
  }

  private static Optional<State> state(TrialSums sums, boolean timeUp) {
    return TrialGate.verdict(BOUNDS, sums, timeUp).map(Verdict::state);
  }

  @Test
  void verdict_nothingYet_goesOn() {
    assertThat(state(TrialSums.NONE, false)).isEmpty();
  }

  @Test
  void verdict_timeIsUp_isInconclusiveWithWhatIsMissing() {
    assertThat(state(TrialSums.NONE, true)).hasValue(State.inconclusive);
    assertThat(TrialGate.verdict(BOUNDS, seen(499, 0, 0), true).orElseThrow().reason())
        .contains("499 pairs, expected 500");
  }

  @Test
  void verdict_theSameScores_passesAtTheLeastCount() {
    assertThat(state(seen(499, 0, 0), false)).isEmpty();
    assertThat(state(seen(500, 0, 0), false)).hasValue(State.passed);
    assertThat(state(seen(500, 0, 0), true)).as("in time is in time").hasValue(State.passed);
  }

  @Test
  void verdict_oneRowWithoutAScore_failsAtOnce() {
    TrialSums one = new TrialSums(0, 1, 0, 0, 0, 0);
    assertThat(TrialGate.verdict(BOUNDS, one, false))
        .hasValueSatisfying(
            v -> {
              assertThat(v.state()).isEqualTo(State.failed);
              assertThat(v.reason()).contains("1 rows", "expected at most 0");
            });
    TrialBounds two = new TrialBounds(500, 2, 0.05, 0.05, BOUNDS.limit());
    assertThat(TrialGate.verdict(two, one, false)).isEmpty();
  }

  @Test
  void verdict_fewPairs_decideNothing() {
    assertThat(state(seen(49, 49, 1), false)).isEmpty();
    assertThat(state(seen(50, 50, 1), false)).hasValue(State.failed);
  }

  @Test
  void verdict_scoresApartWithTheSameRecommendations_fails() {
    assertThat(state(seen(500, 0, 0.2), false)).hasValue(State.failed);
  }

  @Test
  void verdict_aMillionPairsAtTheBound_isInconclusive() {
    assertThat(state(seen(999_999, 50_000, 0), false)).isEmpty();
    assertThat(state(seen(1_000_000, 50_000, 0), false)).hasValue(State.inconclusive);
  }

  /** More disagreement never turns a fail into anything else, nor anything into a pass. */
  @Test
  void verdict_moreDisagreement_isNeverBetter() {
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < 5_000; i++) {
      long pairs = 1 + random.nextLong(20_000);
      long fewer = random.nextLong(pairs + 1);
      long more = fewer + random.nextLong(pairs - fewer + 1);
      Optional<State> before = state(seen(pairs, fewer, 0), false);
      Optional<State> after = state(seen(pairs, more, 0), false);
      if (before.isPresent() && before.get() == State.failed) {
        assertThat(after).as("%d of %d, then %d", fewer, pairs, more).hasValue(State.failed);
      }
      if (after.isPresent() && after.get() == State.passed) {
        assertThat(before).as("%d of %d, then %d", fewer, pairs, more).hasValue(State.passed);
      }
    }
  }

  /** How trials end that are asked after each ten pairs, up to 10,000 of them. */
  private static Map<State, Integer> ends(double rate, TrialBounds bounds) {
    Map<State, Integer> ends = new EnumMap<>(State.class);
    for (long seed = 0; seed < TRIALS; seed++) {
      ends.merge(end(new SplittableRandom(seed), rate, bounds), 1, Integer::sum);
    }
    return ends;
  }

  private static State end(SplittableRandom random, double rate, TrialBounds bounds) {
    long disagreements = 0;
    for (int pairs = 10; ; pairs += 10) {
      for (int i = 0; i < 10; i++) {
        disagreements += random.nextDouble() < rate ? 1 : 0;
      }
      Optional<Verdict> verdict =
          TrialGate.verdict(bounds, seen(pairs, disagreements, 0.001), pairs >= 10_000);
      if (verdict.isPresent()) {
        return verdict.get().state();
      }
    }
  }

  @Test
  void verdict_askedAThousandTimes_isStillRight() {
    assertThat(ends(0.02, BOUNDS)).containsOnly(Map.entry(State.passed, TRIALS));
    assertThat(ends(0.10, BOUNDS)).containsOnly(Map.entry(State.failed, TRIALS));
    assertThat(ends(0.04, BOUNDS)).doesNotContainKey(State.failed);
    assertThat(ends(0.06, BOUNDS)).doesNotContainKey(State.passed);
    Map<State, Integer> atTheBound = ends(0.05, BOUNDS);
    System.out.printf("trials of a version at its bound: %s of %d%n", atTheBound, TRIALS);
    assertThat(atTheBound.getOrDefault(State.passed, 0)).isLessThanOrEqualTo(TRIALS / 20);
    assertThat(atTheBound.getOrDefault(State.failed, 0)).isLessThanOrEqualTo(TRIALS / 10);
  }
}
