package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoringException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells of messages that cannot be read: of one each ten seconds. Confined to one thread. */
final class PassedOver {
  private static final Logger LOG = LoggerFactory.getLogger(PassedOver.class);
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(10);

  private long toldNanos = System.nanoTime() - QUIET_NANOS;

  void tell(ScoringException.Malformed e) {
    long now = System.nanoTime();
    if (now - toldNanos >= QUIET_NANOS) {
      toldNanos = now;
      LOG.warn("passed over: {}", e.getMessage());
    }
  }
}
