package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bucket4j.TimeMeter;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SubjectLimitsTest {
  private long nanos;

  private final TimeMeter clock =
      new TimeMeter() {
        @Override
        public long currentTimeNanos() {
          return nanos;
        }

        @Override
        public boolean isWallClockBased() {
          return false;
        }
      };

  private static int taken(SubjectLimits limits, String subject, int asked) {
    int taken = 0;
    for (int i = 0; i < asked; i++) {
      taken += limits.take(subject) ? 1 : 0;
    }
    return taken;
  }

  @Test
  void take_overTheRate_isRefusedForThatSubjectAlone() {
    SubjectLimits limits = new SubjectLimits(10, clock);
    assertThat(taken(limits, "ann", 50)).isEqualTo(10);
    assertThat(taken(limits, "bob", 5)).isEqualTo(5);
    nanos += TimeUnit.MILLISECONDS.toNanos(500);
    assertThat(taken(limits, "ann", 50)).isEqualTo(5);
    nanos += TimeUnit.HOURS.toNanos(1);
    assertThat(taken(limits, "ann", 50)).as("saved up for one second").isEqualTo(10);
  }

  @Test
  void take_withoutARate_isNeverRefused() {
    assertThat(taken(new SubjectLimits(0, clock), "ann", 1_000)).isEqualTo(1_000);
  }
}
