package io.apgms.ml.registry.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.RegistryException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ShareTest {
  @Test
  void interval_knownCounts_isWilsons() {
    Share.Interval ten = new Share(10, 100).interval();

    assertThat(ten.low()).isCloseTo(0.05523, within(1e-5));
    assertThat(ten.high()).isCloseTo(0.17437, within(1e-5));
    assertThat(new Share(0, 0).interval()).isEqualTo(new Share.Interval(0, 1));
  }

  /** Newcombe 1998, table II, method 10: 56/70 − 48/80 gives 0.0524 to 0.3339. */
  @Test
  void distance_independentGroups_isNewcombes() {
    Share group = new Share(56, 70);
    Share all = new Share(56 + 48, 70 + 80);
    double rest = 80.0 / 150;

    assertThat(group.distance(all).low() / rest).isCloseTo(0.0524, within(5e-5));
    assertThat(group.distance(all).high() / rest).isCloseTo(0.3339, within(5e-5));
  }

  @Test
  void distance_groupIsEverybody_isNothing() {
    assertThat(new Share(3, 9).distance(new Share(3, 9))).isEqualTo(new Share.Interval(0, 0));
  }

  /**
   * A fair model at the size that is called enough: its interval is within ± 2 % in 80 % of draws.
   */
  @Test
  void needed_rowsOfAFairModel_clearTheLimitFourTimesInFive() {
    SplittableRandom random = new SplittableRandom(5);
    int group = (int) Math.ceil(new Share(2_000, 10_000).needed(new Share(8_000, 40_000), 0.02));
    int cleared = 0;
    int draws = 1_000;
    for (int i = 0; i < draws; i++) {
      long mine = hits(random, group);
      Share all = new Share(mine + hits(random, 3 * group), 4L * group);
      cleared += new Share(mine, group).distance(all).farthest() <= 0.02 ? 1 : 0;
    }

    assertThat(group).isBetween(3_000, 3_300);
    assertThat((double) cleared / draws).isBetween(0.77, 0.83);
  }

  private static long hits(SplittableRandom random, int rows) {
    long hits = 0;
    for (int i = 0; i < rows; i++) {
      hits += random.nextInt(5) == 0 ? 1 : 0;
    }
    return hits;
  }

  @Test
  void share_moreHitsThanRows_isRefused() {
    assertThatThrownBy(() -> new Share(2, 1)).isInstanceOf(RegistryException.Corrupt.class);
  }
}
