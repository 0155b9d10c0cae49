package io.apgms.ml.feedback;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves the spool into the decision table by COPY, on one thread with a connection of its own: rows
 * are removed from the spool only after their transaction has committed, and a row that is in the
 * table already is passed over, so each is there once. Each transaction's rows are one batch.
 *
 * <p>A row that the table refuses for ever is dropped alone, counted and named in the log.
 */
class Shipper {
  private static final Logger LOG = LoggerFactory.getLogger(Shipper.class);

  /** Large, so that a backlog behind a busy processor is not a chain of small waits. */
  static final int MAX_ROWS = 8_192;

  private static final long IDLE_MS = 200;
  private static final long FIRST_BACKOFF_MS = 100;
  private static final long LAST_BACKOFF_MS = 5_000;
  private static final Duration PARTITIONS_EVERY = Duration.ofHours(6);

  /**
   * Ids come in nearly by time. Reading starts this far behind the newest row seen, which spares
   * walking over what was removed; now and then from the start, so that a latecomer is found too.
   */
  private static final long OVERLAP_MS = 100;

  private static final long FULL_READ_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long MAKE_ROOM_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final String UNIQUE_VIOLATION = "23505";
  private static final UUID START = new UUID(0, 0);

  private final Spool spool;
  private final Watermark watermark;
  private final String url;
  private final Properties login = new Properties();
  private final CompletableFuture<Void> started = new CompletableFuture<>();
  private final Counter dropped;
  private final Thread thread = new Thread(this::run, "decision-shipper");
  private volatile boolean closed;
  private volatile @Nullable Connection connected;
  private volatile long oldestWaitingMs;
  private volatile boolean flushing;
  private Instant partitionsDue = Instant.MIN;
  private UUID from = START;
  private long fullReadNanos = System.nanoTime();
  private long madeRoomNanos = System.nanoTime() - MAKE_ROOM_NANOS;

  Shipper(Spool spool, PredictionClock clock, FeedbackOptions options) {
    MeterRegistry meters = options.meters();
    this.spool = spool;
    this.watermark = new Watermark(spool, clock, new Spools(options.replica()), meters);
    this.url = options.jdbcUrl();
    login.setProperty("user", options.user());
    login.setProperty("password", options.password());
    login.setProperty("ApplicationName", "ml-service-shipper");
    login.setProperty("connectTimeout", "5");
    login.setProperty("loginTimeout", "10");
    login.setProperty("socketTimeout", "30");
    login.setProperty("tcpKeepAlive", "true");
    thread.setDaemon(true);
    dropped = Counter.builder("apgms_ml_telemetry_dropped").register(meters);
    Gauge.builder("apgms_ml_telemetry_spool_bytes", spool, Spool::bytes).register(meters);
    Gauge.builder("apgms_ml_telemetry_lag_seconds", this, Shipper::lagSeconds).register(meters);
  }

  /** Done once it has said for the first time how far the spool has shipped, or could not. */
  final CompletableFuture<Void> start() {
    thread.start();
    return started;
  }

  private double lagSeconds() {
    long oldest = oldestWaitingMs;
    return oldest == 0 ? 0 : Math.max(0, System.currentTimeMillis() - oldest) / 1_000.0;
  }

  private void run() {
    long backoffMs = FIRST_BACKOFF_MS;
    while (!closed) {
      try (Connection connection = DriverManager.getConnection(url, login)) {
        connected = connection;
        while (!closed) {
          publish(connection);
          boolean more = shipOnce(connection);
          backoffMs = FIRST_BACKOFF_MS;
          if (!more) {
            pause(IDLE_MS);
          }
        }
      } catch (SQLException | RuntimeException e) {
        if (!closed) {
          LOG.warn("shipping decisions: {}, again in {} ms at most", reason(e), backoffMs);
          lookForOldest();
          pause(ThreadLocalRandom.current().nextLong(backoffMs) + 1);
          backoffMs = Math.min(LAST_BACKOFF_MS, 2 * backoffMs);
        }
      } finally {
        connected = null;
        started.complete(null);
      }
    }
  }

  private void publish(Connection connection) throws SQLException {
    connection.setAutoCommit(true);
    UUID oldest = watermark.publish(connection);
    if (oldest != null && oldest.compareTo(from) < 0) {
      from = oldest; // a latecomer: it is read at once
    }
    started.complete(null);
  }

  /** Nothing may have been read since the database went away. */
  private void lookForOldest() {
    try {
      UUID oldest = spool.oldest(START);
      oldestWaitingMs = oldest == null ? 0 : Decision.ms(oldest);
    } catch (FeedbackException e) {
      LOG.warn("how much waits is not known: {}", e.getMessage());
    }
  }

  private static String reason(Exception e) {
    return e instanceof SQLException sql ? "SQLSTATE " + sql.getSQLState() : e.toString();
  }

  /** Whether another batch waits already. */
  private boolean shipOnce(Connection connection) throws SQLException {
    Instant now = Instant.now();
    if (!now.isBefore(partitionsDue)) {
      connection.setAutoCommit(true);
      Partitions.ensure(connection, now);
      partitionsDue = now.plus(PARTITIONS_EVERY);
    }
    List<Spool.Row> rows = spool.read(readFrom(), MAX_ROWS);
    if (!rows.isEmpty()) {
      oldestWaitingMs = Decision.ms(rows.get(0).id());
      connection.setAutoCommit(false);
      move(connection, rows);
      from = behind(rows.get(rows.size() - 1).id());
    }
    boolean more = rows.size() == MAX_ROWS;
    if (!more) {
      oldestWaitingMs = 0;
      shipped();
      makeRoom();
    }
    return more;
  }

  /** Where the disk is nearly full, and what filled it was shipped: files keep removed rows. */
  private void makeRoom() {
    long nanos = System.nanoTime();
    if (spool.lacksDisk() && nanos - madeRoomNanos > MAKE_ROOM_NANOS) {
      madeRoomNanos = nanos;
      spool.rewrite();
    }
  }

  /** Into the table, and only then out of the spool. */
  void move(Connection connection, List<Spool.Row> rows) throws SQLException {
    ship(connection, rows);
    spool.remove(rows);
  }

  private UUID readFrom() {
    long nanos = System.nanoTime();
    if (flushing || nanos - fullReadNanos > FULL_READ_NANOS) {
      fullReadNanos = nanos;
      from = START;
    }
    return from;
  }

  private static UUID behind(UUID id) {
    return new UUID((Decision.ms(id) - OVERLAP_MS) << 16, 0);
  }

  /** Commits the rows: all at once, else around those that are there, else around the refused. */
  final void ship(Connection connection, List<Spool.Row> rows) throws SQLException {
    try {
      BatchCopy.insert(connection, rows);
      connection.commit();
      return;
    } catch (SQLException e) {
      connection.rollback();
      if (isAway(e)) {
        throw e;
      }
    }
    try {
      List<Spool.Row> missing = BatchCopy.missing(connection, rows);
      if (!missing.isEmpty()) {
        BatchCopy.insert(connection, missing);
      }
      connection.commit();
    } catch (SQLException e) {
      connection.rollback();
      if (isAway(e)) {
        throw e;
      }
      halve(connection, rows, e);
    }
  }

  private void halve(Connection connection, List<Spool.Row> rows, SQLException refusal)
      throws SQLException {
    if (rows.size() == 1) {
      if (UNIQUE_VIOLATION.equals(refusal.getSQLState())) {
        throw refusal; // stored by another at this very moment: found at the next turn
      }
      dropped.increment();
      LOG.atError()
          .addKeyValue("predictionId", rows.get(0).id())
          .log(
              "decision {} dropped: the table refuses it, SQLSTATE {}",
              rows.get(0).id(),
              refusal.getSQLState());
      return;
    }
    int half = rows.size() / 2;
    ship(connection, rows.subList(0, half));
    ship(connection, rows.subList(half, rows.size()));
  }

  /** Whether to try the same again later; class 22 and 23 are the rows' own fault. */
  private static boolean isAway(SQLException e) {
    String state = String.valueOf(e.getSQLState());
    return !state.startsWith("22") && !state.startsWith("23");
  }

  private static void pause(long ms) {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(ms)); // ended by flush and stop
  }

  private synchronized void shipped() {
    notifyAll();
  }

  /** Waits until all that was appended is shipped; false when the time was too short. */
  boolean flush(Duration bound) throws InterruptedException {
    long end = System.nanoTime() + bound.toNanos();
    flushing = true;
    try {
      return awaitEmpty(end);
    } finally {
      flushing = false;
    }
  }

  private synchronized boolean awaitEmpty(long end) throws InterruptedException {
    while (spool.bytes() > 0) {
      long leftMs = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (leftMs <= 0) {
        return false;
      }
      LockSupport.unpark(thread);
      wait(Math.min(leftMs, IDLE_MS));
    }
    return true;
  }

  /**
   * Ends the thread, its statement cut off.
   *
   * @return whether it has ended, and with it every use of the spool
   */
  boolean stop() throws InterruptedException {
    closed = true;
    LockSupport.unpark(thread);
    Connection open = connected;
    if (open != null) {
      try {
        open.abort(Runnable::run);
      } catch (SQLException e) {
        LOG.warn("the shipper's connection was not cut: SQLSTATE {}", e.getSQLState());
      }
    }
    thread.join(LAST_BACKOFF_MS);
    return !thread.isAlive();
  }
}
