package io.apgms.ml.feedback;

import io.apgms.ml.gateway.database.DatabaseAddress;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** How fast a full spool goes into the table, beside the same rows by plain INSERT. */
public final class DrainBench {
  private static final int APPENDED_AT_ONCE = 500;
  private static final long MOST_BYTES = 8L << 30;
  private static final int TIMEOUT_MS = 5_000;
  private static final Duration BOUND = Duration.ofMinutes(5);
  private static final String INSERT =
      "INSERT INTO feedback.decision (id, at, model_id, model_version, model_digest, features,"
          + " groups, score, threshold, review, act, enforced, mode_source, flag_age_ms,"
          + " entity_id) VALUES (?, now(), ?, ?, ?, ?, NULL, ?, ?, false, false, false, ?, ?, ?)";

  private static long made; // so that no id is given twice

  private DrainBench() {}

  /** Decisions a second out of a spool of so many into the table. */
  public static double drain(Path dir, DatabaseAddress address, int rows) throws Exception {
    Vertx vertx = Vertx.vertx();
    try (Spool spool = Spool.open(dir, MOST_BYTES)) {
      List<Decision> batch = new ArrayList<>();
      for (int i = 0; i < rows; i++) {
        batch.add(decision(i));
        if (batch.size() == APPENDED_AT_ONCE) {
          append(spool, batch);
          batch.clear();
        }
      }
      append(spool, batch);
      Shipper shipper = new Shipper(spool, new PredictionClock(), options(vertx, dir, address));
      long began = System.nanoTime();
      var unused = shipper.start();
      boolean all = shipper.flush(BOUND);
      double seconds = (System.nanoTime() - began) / 1e9;
      if (!shipper.stop() || !all) {
        throw new IllegalStateException("not drained within " + BOUND);
      }
      return rows / seconds;
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    }
  }

  /** Faster than any requests come: what the disk cannot take at once is given again. */
  private static void append(Spool spool, List<Decision> batch) {
    for (int i = 0; i < 1_000; i++) {
      try {
        spool.append(batch);
        return;
      } catch (FeedbackException.SpoolFull e) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
    }
    throw new IllegalStateException("the disk took nothing for 20 s");
  }

  private static FeedbackOptions options(Vertx vertx, Path dir, DatabaseAddress address) {
    return new FeedbackOptions(
        "bench",
        dir,
        MOST_BYTES,
        dir.resolveSibling("redaction"),
        address.jdbcUrl(),
        address.user(),
        address.password(),
        io.apgms.ml.gateway.database.Database.pool(vertx, address, "drain", 1, TIMEOUT_MS),
        io.apgms.ml.gateway.database.Database.connectOptions(address, TIMEOUT_MS),
        TIMEOUT_MS,
        new SimpleMeterRegistry());
  }

  /** Decisions a second by one INSERT each, a transaction a row. */
  public static double insert(DatabaseAddress address, int rows) throws Exception {
    try (Connection connection =
            DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
        PreparedStatement insert = connection.prepareStatement(INSERT)) {
      long began = System.nanoTime();
      for (int i = 0; i < rows; i++) {
        Decision d = decision(i);
        Float[] features = new Float[d.features().length];
        java.util.Arrays.setAll(features, f -> d.features()[f]);
        insert.setObject(1, d.id());
        insert.setString(2, d.modelId());
        insert.setString(3, d.modelVersion());
        insert.setString(4, d.modelDigest());
        insert.setArray(5, connection.createArrayOf("float4", features));
        insert.setDouble(6, d.score());
        insert.setDouble(7, d.threshold());
        insert.setString(8, d.modeSource());
        insert.setLong(9, d.flagAgeMs());
        insert.setString(10, d.entityId());
        insert.executeUpdate();
      }
      return rows / ((System.nanoTime() - began) / 1e9);
    }
  }

  private static Decision decision(int i) {
    return new Decision(
        new UUID((System.currentTimeMillis() << 16) | 0x7000, Long.MIN_VALUE | made++),
        "risk-score",
        "20261123",
        "sha256:" + "0".repeat(64),
        new float[] {0.4f, 0.9f, i % 100 / 33f, 5, 210, 0.7f, 0.9f, 0.6f, 14, 0.5f, 3, 9},
        null,
        0.5,
        0.65,
        false,
        false,
        false,
        "file",
        100,
        null,
        null,
        "entity-" + i);
  }
}
