package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The limit over a loop that is played: a turn takes what is asked, then answers it all. */
class LoopLimitTest {
  private static final int BOUND_MS = 20;

  private final ArrayDeque<Runnable> endOfTurn = new ArrayDeque<>();
  private final LoopLimit limit = new LoopLimit(endOfTurn::add, BOUND_MS);

  /** How many of so many requests a turn takes, where each costs so much. */
  private int turn(int waiting, long microsEach) {
    int taken = 0;
    for (int i = 0; i < waiting; i++) {
      taken += limit.take() ? 1 : 0;
    }
    endOfTurn();
    limit.sent(taken);
    limit.scored(taken, TimeUnit.MICROSECONDS.toNanos(taken * microsEach));
    return taken;
  }

  private void endOfTurn() {
    while (!endOfTurn.isEmpty()) {
      endOfTurn.remove().run();
    }
  }

  private int turns(int turns, int waiting, long microsEach) {
    int last = 0;
    for (int i = 0; i < turns; i++) {
      last = turn(waiting, microsEach);
    }
    return last;
  }

  @Test
  void take_asMuchAsIsAnsweredInTime_refusesNothing() {
    assertThat(turns(1_000, 900, 20)).isEqualTo(900);
  }

  @Test
  void take_moreThanIsAnsweredInTime_findsWhatIs() {
    assertThat(turns(200, 2_000, 100)).isBetween(170, 210); // 20 ms at 0.1 ms each
    assertThat(turns(200, 2_000, 1_000)).isBetween(17, 22);
    assertThat(turns(200, 2_000, 50_000)).isEqualTo(LoopLimit.LEAST);
  }

  @Test
  void take_afterTheOverload_isBackToAll() {
    turns(200, 2_000, 50_000);
    int turns = 0;
    while (turn(500, 20) < 500) {
      turns++;
    }
    assertThat(turns).as("turns of at most 10 ms").isLessThan(600);
  }

  @Test
  void take_whatIsNotBackYet_counts() {
    turns(200, 2_000, 50_000);
    for (int i = 0; i < LoopLimit.LEAST; i++) {
      assertThat(limit.take()).isTrue();
    }
    endOfTurn();
    limit.sent(LoopLimit.LEAST);
    assertThat(limit.take()).isFalse();
    limit.lost(LoopLimit.LEAST);
    assertThat(limit.take()).isTrue();
  }

  @Test
  void over_onlyByWhatCouldNotBeRefused() {
    turns(200, 2_000, 50_000);
    for (int i = 0; i < LoopLimit.LEAST; i++) {
      limit.take();
    }
    assertThat(limit.over()).isFalse();
    limit.takeAnyway();
    assertThat(limit.over()).isTrue();
    endOfTurn();
    assertThat(limit.over()).isFalse();
  }

  @Test
  void take_withoutABound_neverRefuses() {
    LoopLimit none = new LoopLimit(endOfTurn::add, 0);
    for (int i = 0; i < 100_000; i++) {
      assertThat(none.take()).isTrue();
    }
  }
}
