package io.apgms.ml.gateway.decision;

import io.apgms.ml.gateway.trace.Trace;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * A log line for each answer whose trace somebody may look for. Callers decide how many name one:
 * so there are at most a hundred lines a second and event loop, and the rest is counted.
 *
 * <p>Confined to one loop; the clock is passed in.
 */
final class DecisionLines {
  static final int LINES_A_SECOND = 100;
  private static final Logger LOG = LoggerFactory.getLogger(DecisionLines.class);
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private final DecisionMeters meters;
  private long secondNanos;
  private int left = LINES_A_SECOND;

  DecisionLines(DecisionMeters meters, long nowNanos) {
    this.meters = meters;
    this.secondNanos = nowNanos;
  }

  void decided(@Nullable Trace trace, Decided d, long nowNanos) {
    if (trace == null) {
      return;
    }
    trace.decided(d.id(), d.modelId(), d.modelVersion(), d.mode().mode().wire(), d.enforced());
    if (may(trace, nowNanos)) {
      line(trace, d.id())
          .log(
              "decided by {} {}, mode {} by {}",
              d.modelId(),
              d.modelVersion(),
              d.mode().mode().wire(),
              d.mode().source().wire());
    }
  }

  void refused(@Nullable Trace trace, Refusal why, @Nullable UUID predictionId, long nowNanos) {
    if (trace != null && may(trace, nowNanos)) {
      line(trace, predictionId).log("not decided: {}", why);
    }
  }

  /** Nobody's wish decides whether this one is written. */
  static void unknown(UUID predictionId, @Nullable Throwable failure) {
    LOG.atWarn()
        .addKeyValue("predictionId", predictionId)
        .log("commit of a decision with unknown outcome: {}", String.valueOf(failure));
  }

  private static LoggingEventBuilder line(Trace trace, @Nullable UUID predictionId) {
    LoggingEventBuilder line = LOG.atInfo().addKeyValue("traceId", trace.traceId());
    return predictionId == null ? line : line.addKeyValue("predictionId", predictionId);
  }

  private boolean may(Trace trace, long nowNanos) {
    if (!trace.wanted()) {
      return false;
    }
    if (nowNanos - secondNanos >= SECOND) {
      secondNanos = nowNanos;
      left = LINES_A_SECOND;
    }
    if (left == 0) {
      meters.lineDropped();
      return false;
    }
    left--;
    return true;
  }
}
