package io.apgms.ml.feedback;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells the other replicas how far this one's spool has shipped. Confined to the shipper. */
final class Watermark {
  private static final Logger LOG = LoggerFactory.getLogger(Watermark.class);
  private static final long EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Spool spool;
  private final PredictionClock clock;
  private final Spools spools;
  private final AtomicInteger silent = new AtomicInteger();
  private long publishedMs;
  private long publishedNanos = System.nanoTime() - EVERY_NANOS;
  private boolean refused;

  Watermark(Spool spool, PredictionClock clock, Spools spools, MeterRegistry meters) {
    this.spool = spool;
    this.clock = clock;
    this.spools = spools;
    Gauge.builder("apgms_ml_telemetry_silent_spools", silent, AtomicInteger::get).register(meters);
  }

  /**
   * Publishes, twice a second at most. Failing here stops no shipping: the others go on with what
   * they know, which is never too much.
   *
   * @param connection in autocommit
   * @return the oldest id that waits, where one was looked for and found
   */
  @Nullable UUID publish(Connection connection) throws SQLException {
    long nanos = System.nanoTime();
    if (nanos - publishedNanos < EVERY_NANOS) {
      return null;
    }
    long mark = clock.mark();
    UUID oldest = spool.oldest(new UUID(publishedMs << 16, 0)); // after the mark: see the clock
    long shipped = oldest == null ? mark : Math.min(mark, Decision.ms(oldest));
    try {
      silent.set(spools.publish(connection, shipped));
      publishedMs = shipped;
      clock.published(shipped);
      refused = false;
    } catch (SQLException e) {
      if (connection.isClosed()) {
        throw e;
      }
      if (!refused) {
        LOG.warn("how far the spool has shipped is not published: SQLSTATE {}", e.getSQLState());
      }
      refused = true;
    }
    publishedNanos = nanos;
    return oldest;
  }
}
