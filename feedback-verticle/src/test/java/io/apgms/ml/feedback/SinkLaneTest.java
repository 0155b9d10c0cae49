package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** With a fake clock. */
class SinkLaneTest {
  private static final int SLOTS = 16;
  private final AtomicLong nanos = new AtomicLong();
  private final SinkLane lane = lane("https://a.example/");

  private SinkLane lane(String url) {
    return new SinkLane(ActionSink.of(url, false), SLOTS, nanos::get);
  }

  private void pass(long ms) {
    nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(ms));
  }

  private static SendResult answered(int status, long retryAfterMs) {
    return SendResult.answered(status, retryAfterMs, Instant.EPOCH);
  }

  private void all(SinkLane lane, SendResult result, int times) {
    for (int i = 0; i < times; i++) {
      lane.ended(result);
      lane.marked();
    }
  }

  @Test
  void take_untilMarked_holdsNoMoreThanItsSlots() {
    assertThat(lane.take()).isEqualTo(SLOTS);
    assertThat(lane.take()).isZero();
    lane.ended(answered(200, 0));
    assertThat(lane.take()).isZero(); // what became of it is not stored yet
    lane.marked();
    assertThat(lane.take()).isEqualTo(1);
    lane.giveBack(1);
    assertThat(lane.inFlight()).isEqualTo(SLOTS - 1);
  }

  @Test
  void take_afterFailures_waitsThenProbesWithThree() {
    SendResult lost = SendResult.unreachable("no connection", null);
    all(lane, lost, lane.take());
    assertThat(lane.open()).isTrue();
    assertThat(lane.take()).isZero();
    pass(4_900);
    assertThat(lane.take()).isZero();
    pass(200);
    assertThat(lane.take()).isEqualTo(3);
    all(lane, lost, 3);
    assertThat(lane.take()).isZero();
    pass(5_100);
    assertThat(lane.take()).isEqualTo(3);
    all(lane, answered(204, 0), 3);
    assertThat(lane.take()).isEqualTo(SLOTS);
  }

  @Test
  void take_probesThatSentNothing_areGivenBack() {
    all(lane, SendResult.unreachable("no connection", null), lane.take());
    pass(5_100);
    assertThat(lane.take()).isEqualTo(3);
    all(lane, SendResult.unsent(SendResult.Kind.CANCELLED, "mode"), 3);
    assertThat(lane.take()).isEqualTo(3);
  }

  @Test
  void take_refusals_sayThatTheSinkIsAlive() {
    for (int i = 0; i < 10; i++) {
      all(lane, answered(400, 0), lane.take());
    }
    assertThat(lane.take()).isEqualTo(SLOTS);
  }

  @Test
  void take_429WithRetryAfter_restsAsLongButNotLonger() {
    assertThat(lane.take()).isEqualTo(SLOTS);
    lane.ended(answered(429, 3_000));
    lane.marked();
    assertThat(lane.take()).isZero();
    pass(2_900);
    assertThat(lane.take()).isZero();
    pass(200);
    assertThat(lane.take()).isEqualTo(1);
    lane.ended(answered(503, 3_600_000));
    lane.marked();
    pass(13_100);
    assertThat(lane.take()).isEqualTo(1);
  }

  @Test
  void take_gone_asksAgainInTenMinutes() {
    assertThat(lane.take()).isEqualTo(SLOTS);
    all(lane, answered(410, 0), 2);
    lane.giveBack(SLOTS - 2);
    pass(TimeUnit.MINUTES.toMillis(10) - 100);
    assertThat(lane.take()).isZero();
    pass(200);
    assertThat(lane.take()).isPositive();
  }

  @Test
  void take_oneLaneDead_leavesTheOtherAlone() {
    SinkLane other = lane("https://b.example/");
    all(lane, SendResult.unreachable("no connection", null), lane.take());
    assertThat(lane.take()).isZero();
    assertThat(other.take()).isEqualTo(SLOTS);
  }
}
