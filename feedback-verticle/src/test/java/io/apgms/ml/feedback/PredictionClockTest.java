package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class PredictionClockTest {
  private static final int ROUNDS = 2;
  private static final int LOOP = 0; // the shipper is 1
  private static final int TIME = 2;
  private static final int[] STEPS = {4 * ROUNDS, 4 * ROUNDS, 1};

  /** What is done: as it is, or with one rule broken. */
  private enum Variant {
    SOUND,
    /** Ids are made without a lane that is open. */
    NO_LANE,
    /** Ids follow the wall clock at once when it is set back. */
    NO_FLOOR,
    /** The spool is looked into before the mark is taken. */
    SPOOL_FIRST
  }

  /**
   * A loop that makes ids and keeps them, a shipper that ships, marks, looks and publishes, and
   * somebody who sets the wall clock back; each reading of that is a millisecond later.
   */
  private static final class World {
    private final Variant variant;
    private long wall = 1_000_000;
    private final PredictionClock clock = new PredictionClock(() -> ++wall);
    private final PredictionClock.Lane lane = clock.lane();
    private final List<Long> spool = new ArrayList<>();
    private long id;
    private long mark;
    private long oldest;
    private long published;

    World(Variant variant) {
      this.variant = variant;
    }

    void step(int of, int number) {
      if (of == TIME) {
        wall -= 5_000;
      } else if (of == LOOP) {
        loop(number % 4);
      } else {
        shipper(number % 4);
      }
    }

    private void loop(int step) {
      if (step == 0 && variant != Variant.NO_LANE) {
        lane.open();
      } else if (step == 1) {
        id = made();
      } else if (step == 2) {
        spool.add(id);
      } else if (step == 3) {
        lane.close();
      }
    }

    private long made() {
      return switch (variant) {
        case NO_FLOOR -> ++wall;
        case NO_LANE -> Math.max(++wall, published);
        default -> lane.nowMs();
      };
    }

    private void shipper(int step) {
      boolean first = variant == Variant.SPOOL_FIRST;
      if (step == 0) {
        spool.clear();
      } else if (step == (first ? 2 : 1)) {
        mark = clock.mark();
      } else if (step == (first ? 1 : 2)) {
        oldest = spool.stream().mapToLong(ms -> ms).min().orElse(Long.MAX_VALUE);
      } else {
        published = Math.min(mark, oldest);
        clock.published(published);
      }
    }

    /** Whether a decision waits that the others were told does not. */
    boolean broken() {
      return spool.stream().anyMatch(ms -> ms < published);
    }
  }

  /** Of all orders in which the steps can come, those in which something broke. */
  private static int broken(Variant variant, List<Integer> order, int[] left) {
    int broken = 0;
    boolean end = true;
    for (int of = 0; of < left.length; of++) {
      if (left[of] > 0) {
        end = false;
        left[of]--;
        order.add(of);
        broken += broken(variant, order, left);
        order.remove(order.size() - 1);
        left[of]++;
      }
    }
    return end ? (breaks(variant, order) ? 1 : 0) : broken;
  }

  private static boolean breaks(Variant variant, List<Integer> order) {
    World world = new World(variant);
    int[] done = new int[STEPS.length];
    for (int of : order) {
      world.step(of, done[of]++);
      if (world.broken()) {
        return true;
      }
    }
    return false;
  }

  @Test
  void mark_inEveryOrderOfSteps_passesNoneThatWaits() {
    assertThat(broken(Variant.SOUND, new ArrayList<>(), STEPS.clone())).isZero();
  }

  /** The controls: each broken rule is noticed. */
  @Test
  void mark_withARuleBroken_isCaught() {
    for (Variant variant : List.of(Variant.NO_LANE, Variant.NO_FLOOR, Variant.SPOOL_FIRST)) {
      assertThat(broken(variant, new ArrayList<>(), STEPS.clone())).as("" + variant).isPositive();
    }
  }

  @Test
  void mark_whileALaneIsOpen_waitsForIt() {
    AtomicLong now = new AtomicLong(1_000);
    PredictionClock clock = new PredictionClock(now::get);
    PredictionClock.Lane lane = clock.lane();
    lane.open();
    now.set(5_000);
    assertThat(clock.mark()).isEqualTo(1_000);
    assertThat(lane.nowMs()).isEqualTo(5_000);
    lane.close(5_000); // one is being committed
    now.set(9_000);
    assertThat(clock.mark()).isEqualTo(5_000);
    lane.open();
    lane.close();
    assertThat(clock.mark()).isEqualTo(9_000);
  }

  @Test
  void nowMs_clockSetBackByAnHour_followsOnceThatIsPublished() {
    AtomicLong now = new AtomicLong(7_200_000);
    PredictionClock clock = new PredictionClock(now::get);
    PredictionClock.Lane lane = clock.lane();
    clock.published(clock.mark());
    now.set(3_600_000);
    lane.open();
    assertThat(lane.nowMs()).as("not below what the others were told").isEqualTo(7_200_000);
    lane.close();
    long mark = clock.mark();
    assertThat(mark).isEqualTo(3_600_000);
    lane.open();
    assertThat(lane.nowMs()).as("not before they were told").isEqualTo(7_200_000);
    lane.close();
    clock.published(mark);
    lane.open();
    assertThat(lane.nowMs()).isEqualTo(3_600_000);
  }
}
