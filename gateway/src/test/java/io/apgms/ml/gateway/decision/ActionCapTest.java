package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ActionCapTest {
  private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);

  private final List<String> capped = new ArrayList<>();
  private final List<String> reached = new ArrayList<>();

  private ActionCap cap(int perMinute) {
    return new ActionCap(perMinute, ActionCap.Watch.of(capped::add, reached::add));
  }

  /** Held against a list of all times, over random gaps. */
  @Test
  void take_atRandomTimes_neverGivesMoreInAnyMinute() {
    SplittableRandom random = new SplittableRandom(11);
    for (int most : new int[] {1, 3, 64, 65, 200}) {
      ActionCap cap = cap(most);
      Deque<Long> taken = new ArrayDeque<>();
      long now = random.nextLong(); // the monotonic clock may begin anywhere
      for (int i = 0; i < 5_000; i++) {
        now += random.nextLong(MINUTE / most);
        while (!taken.isEmpty() && now - taken.peekFirst() >= MINUTE) {
          taken.removeFirst();
        }
        boolean expected = taken.size() < most;
        assertThat(cap.take("m", now)).isEqualTo(expected);
        if (expected) {
          taken.addLast(now);
        }
      }
    }
  }

  @Test
  void take_overTheCap_countsEachAndTellsOnceAMinuteAndModel() {
    ActionCap cap = cap(1);
    for (int second = 0; second < 119; second++) {
      cap.take("a", TimeUnit.SECONDS.toNanos(second));
    }
    assertThat(capped).hasSize(117); // one in each of the two minutes was taken
    assertThat(reached).containsExactly("a", "a");
    cap.take("b", 0);
    cap.take("b", 1);
    assertThat(reached).containsExactly("a", "a", "b");
  }

  @Test
  void take_ofNone_takesNone() {
    assertThat(cap(0).take("m", 0)).isFalse();
  }
}
