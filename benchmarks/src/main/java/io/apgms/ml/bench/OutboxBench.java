package io.apgms.ml.bench;

import io.apgms.ml.feedback.ActionLease;
import io.apgms.ml.feedback.ActionOptions;
import io.apgms.ml.feedback.ActionSink;
import io.apgms.ml.feedback.FeedbackOptions;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.feedback.WebhookSecrets;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How fast a backlog of holds, each of another entity, goes from the embedded PostgreSQL to a sink
 * on loopback that answers 204 at once: claimed, signed, sent, marked.
 */
final class OutboxBench {
  private static final int WARM_UP = 2_000;
  private static final int TIMEOUT_MS = 5_000;
  private static final String SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  private static final ActionLease ACT =
      (model, tenant, entity) -> new ActionLease.Verdict(ActionLease.May.ACT, "file");

  private OutboxBench() {}

  /** Actions a second. */
  static double run(Path dir, DatabaseAddress address, int holds) throws Exception {
    Vertx vertx = Vertx.vertx();
    try {
      FeedbackVerticle feedback = feedback(vertx, dir.resolve("actions"), address);
      await(vertx.deployVerticle(feedback));
      backlog(address, holds + WARM_UP);
      AtomicInteger taken = new AtomicInteger();
      ActionOptions to =
          new ActionOptions(
              List.of(ActionSink.of(sink(vertx, taken), true)),
              WebhookSecrets.of(SECRET),
              true,
              64,
              ACT);
      await(vertx.deployVerticle(feedback.dispatcher(to)));
      until(() -> taken.get() >= WARM_UP);
      long began = System.nanoTime();
      int before = taken.get();
      until(() -> sent(address) >= holds + WARM_UP);
      return (holds + WARM_UP - before) / ((System.nanoTime() - began) / 1e9);
    } finally {
      await(vertx.close());
    }
  }

  private static FeedbackVerticle feedback(Vertx vertx, Path dir, DatabaseAddress address) {
    return new FeedbackVerticle(
        new FeedbackOptions(
            "bench",
            dir.resolve("spool"),
            1 << 20,
            dir.resolve("redaction"),
            address.jdbcUrl(),
            address.user(),
            address.password(),
            Database.pool(vertx, address, "bench", 8, TIMEOUT_MS),
            Database.connectOptions(address, TIMEOUT_MS),
            TIMEOUT_MS,
            new SimpleMeterRegistry()));
  }

  private static String sink(Vertx vertx, AtomicInteger taken) throws Exception {
    HttpServer server =
        await(
            vertx
                .createHttpServer()
                .requestHandler(
                    request ->
                        request.endHandler(
                            v -> {
                              taken.incrementAndGet();
                              request.response().setStatusCode(204).end();
                            }))
                .listen(0, "127.0.0.1"));
    return "http://127.0.0.1:" + server.actualPort() + "/";
  }

  private static void backlog(DatabaseAddress address, int holds) throws SQLException {
    try (Connection connection = connect(address);
        Statement statement = connection.createStatement()) {
      statement.execute(
          "WITH d AS (INSERT INTO feedback.decision (id, at, model_id, model_version,"
              + " model_digest, features, score, threshold, review, act, enforced, mode_source,"
              + " flag_age_ms, entity_id) SELECT uuidv7(), now(), 'risk-score', '20261123', 'd',"
              + " '{}', 0.9, 0.5, true, true, true, 'file', 0, 'company-' || i"
              + " FROM generate_series(1, "
              + holds
              + ") i RETURNING id)"
              + " INSERT INTO feedback.action_outbox (prediction_id, kind)"
              + " SELECT id, 'hold' FROM d");
    }
  }

  private static long sent(DatabaseAddress address) throws SQLException {
    try (Connection connection = connect(address);
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT count(*) FROM feedback.action_outbox WHERE state = 'sent'")) {
      rows.next();
      return rows.getLong(1);
    }
  }

  private static Connection connect(DatabaseAddress address) throws SQLException {
    return DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void until(Condition condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
    while (!condition.holds()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("not within three minutes");
      }
      TimeUnit.MILLISECONDS.sleep(
          50); // polled, so that what is measured is not slowed by a wake-up
    }
  }

  private static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
  }
}
