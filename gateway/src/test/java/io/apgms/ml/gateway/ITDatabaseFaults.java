package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * PostgreSQL is there and answers, but not this: a lock that somebody holds, a deadlock, no
 * connection left. Prints the times that docs/RELIABILITY.md has.
 */
class ITDatabaseFaults {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final Duration HELD = Duration.ofMillis(SOAK ? 8_000 : 3_000);
  private static final Duration BACK = Duration.ofSeconds(20);

  /** Half a second of lock_timeout and a tenth; the reduced form also runs on busy machines. */
  private static final double LOCK_MS = SOAK ? 600 : 1_000;

  private static final double LONGEST_MS = SOAK ? 1_000 : 2_000;
  private static final int LABELLERS = 4; // fewer than the pool has connections

  @TempDir static Path dir;
  private static EmbeddedPostgres postgres;
  private static RunningService service;

  @BeforeAll
  static void start() throws Exception {
    postgres =
        Cluster.at(dir.resolve("cluster"))
            .setServerConfig("max_connections", "60")
            .setServerConfig("deadlock_timeout", "300ms")
            .start();
    service = RunningService.start(dir.resolve("impatient"), settings());
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
    postgres.close();
  }

  private static Map<String, String> settings() throws IOException {
    return Acting.settings(dir, Acting.url(postgres.getPort()));
  }

  private static Connection connect() throws SQLException {
    return postgres.getPostgresDatabase().getConnection();
  }

  private static long count(String from) throws SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT count(*) FROM " + from)) {
      row.next();
      return row.getLong(1);
    }
  }

  // ---- what is asked ----------------------------------------------------------------------------

  /** A case that is held: it is committed before its answer. */
  private static HttpResponse<String> hold() throws Exception {
    return service.api("POST", "/ml/score", ITFaults.CASE);
  }

  /** One that is allowed: it goes by way of the spool. */
  private static HttpResponse<String> allow() throws Exception {
    return service.api("POST", "/ml/score", ITFaults.CALM);
  }

  private static String held() throws Exception {
    JsonNode answer = RunningService.json(hold());
    assertThat(answer.at("/decision/enforced").asBoolean()).as(answer.toString()).isTrue();
    return answer.path("predictionId").asText();
  }

  private static HttpResponse<String> label(RunningService to, String id, String key)
      throws Exception {
    String body = ITFaults.label(id, "FALSE_POSITIVE");
    return to.api("POST", "/ml/feedback", body, Map.of("Idempotency-Key", key));
  }

  private static HttpResponse<String> deployments(String token) throws Exception {
    return service.management("GET", "/admin/models/risk-score/deployments", null, token);
  }

  private static String source(Askers.Answer answer) {
    try {
      return JSON.readTree(answer.body()).at("/decision/modeSource").asText();
    } catch (IOException e) {
      return answer.body();
    }
  }

  private static Set<String> ids(List<Askers.Answer> answers) throws IOException {
    Set<String> ids = new HashSet<>();
    for (Askers.Answer answer : answers) {
      if (answer.status() == 200) {
        ids.add(JSON.readTree(answer.body()).path("predictionId").asText());
      }
    }
    return ids;
  }

  /** Of answered decisions those that are not in the table once the spool is empty. */
  private static long missing(Set<String> ids) throws Exception {
    RunningService.await(
        BACK,
        () -> {
          try {
            return service.metric("apgms_ml_telemetry_spool_bytes") == 0;
          } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
          }
        });
    return ids.size() - count("feedback.decision WHERE id IN ('" + String.join("','", ids) + "')");
  }

  /** Somebody locks a table for so long, while these ask. */
  private static void whileLocked(String table, Askers askers) throws Exception {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE");
      askers.start();
      try (askers) {
        statement.execute("SELECT pg_sleep(" + HELD.toMillis() / 1e3 + ")");
      }
      connection.rollback();
    }
    askers.told().forEach(line -> System.out.println("LOCKED " + table + ": " + line));
  }

  // ---- a lock that somebody holds ---------------------------------------------------------------

  @Test
  void label_tableLocked_isRefusedInTimeAndTheOthersGoOn() throws Exception {
    String on = held();
    String token = service.token("oncall");
    Map<String, String> patient = settings();
    patient.put("ML_DATABASE_TIMEOUT_MS", "4000");
    Askers askers = new Askers();
    for (int i = 0; i < LABELLERS; i++) {
      askers.ask("label", () -> label(service, on, UUID.randomUUID().toString()));
    }
    askers.ask("hold", ITDatabaseFaults::hold);
    askers.ask("allow", ITDatabaseFaults::allow);
    askers.ask("deployments", () -> deployments(token));
    try (RunningService slow = RunningService.start(dir.resolve("patient"), patient)) {
      askers.ask("late", () -> label(slow, on, UUID.randomUUID().toString()));
      long before = count("feedback.model_feedback");
      whileLocked("feedback.model_feedback", askers);
      assertThat(count("feedback.model_feedback")).as("none half-written").isEqualTo(before);
    }
    assertThat(askers.statuses("label")).as(askers.told("label")).containsExactly(503);
    assertThat(askers.of("label")).allMatch(Askers.Answer::retryAfter);
    assertThat(askers.medianMs("label")).isLessThanOrEqualTo(LOCK_MS);
    assertThat(askers.longestMs("label")).isLessThanOrEqualTo(LONGEST_MS);
    for (String what : List.of("hold", "allow", "deployments")) {
      assertThat(askers.statuses(what)).as(askers.told(what)).containsExactly(200);
      assertThat(askers.longestMs(what)).as(askers.told(what)).isLessThan(LOCK_MS);
    }
    assertThat(askers.longestMs("late"))
        .as("the control: a lock_timeout of two seconds is noticed")
        .isGreaterThan(LONGEST_MS);
    assertThat(label(service, on, "after").statusCode()).isEqualTo(201);
  }

  @Test
  void score_decisionsLocked_observesInTimeAndLosesNothing() throws Exception {
    String on = held();
    Askers askers =
        new Askers()
            .ask("hold", ITDatabaseFaults::hold)
            .ask("hold", ITDatabaseFaults::hold)
            .ask("allow", ITDatabaseFaults::allow)
            .ask("label", () -> label(service, on, UUID.randomUUID().toString()));
    whileLocked("feedback.decision", askers);
    for (String what : List.of("hold", "allow")) {
      assertThat(askers.statuses(what)).as(askers.told(what)).containsExactly(200);
    }
    assertThat(askers.of("hold")).allMatch(a -> source(a).equals("unlogged"));
    assertThat(askers.longestMs("hold")) // behind the group before it, and then its own half second
        .isLessThanOrEqualTo(LONGEST_MS + LOCK_MS);
    assertThat(askers.longestMs("allow")).isLessThan(LOCK_MS);
    assertThat(askers.statuses("label")).containsExactly(503);
    assertThat(askers.longestMs("label")).isLessThanOrEqualTo(LONGEST_MS);
    Set<String> answered = ids(askers.of("hold"));
    answered.addAll(ids(askers.of("allow")));
    assertThat(missing(answered)).isZero();
    requireALossIsFound(answered);
    RunningService.await(BACK, () -> enforced());
  }

  /** The control: one row less is noticed. */
  private static void requireALossIsFound(Set<String> answered) throws Exception {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "DELETE FROM feedback.decision WHERE id = '" + answered.iterator().next() + "'");
    }
    assertThat(missing(answered)).isEqualTo(1);
  }

  private static boolean enforced() {
    try {
      return RunningService.json(hold()).at("/decision/enforced").asBoolean();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  // ---- a deadlock -------------------------------------------------------------------------------

  private static final String SAME_KEY =
      "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
          + " source, submitted_by, observed_at, key_scope, idempotency_key, body_hash)"
          + " SELECT gen_random_uuid(), prediction_id, model_id, model_version, label, source,"
          + " submitted_by, observed_at, key_scope, 'deadlock', body_hash"
          + " FROM feedback.model_feedback WHERE idempotency_key = 'probe'";

  private static final String WAITS =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ml-service'"
          + " AND wait_event_type = 'Lock'";

  private static long number(Statement statement, String sql) throws SQLException {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }

  /** Somebody has the hold's outbox row and wants the label's key, which the label has. */
  @Test
  void label_inADeadlock_isBegunAgainAndThereOnce() throws Exception {
    assertThat(label(service, held(), "probe").statusCode()).isEqualTo(201);
    String on = held();
    String deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'";
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      long before = number(statement, deadlocks);
      statement.execute(
          "SET deadlock_timeout = '60s'"); // the label's transaction is the one to end
      connection.setAutoCommit(false);
      statement.execute(
          "SELECT 1 FROM feedback.action_outbox WHERE prediction_id = '" + on + "' FOR UPDATE");
      CompletableFuture<HttpResponse<String>> labelled =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return label(service, on, "deadlock");
                } catch (Exception e) {
                  throw new AssertionError(e);
                }
              });
      try (Connection watching = connect();
          Statement watch = watching.createStatement()) {
        RunningService.await(BACK, () -> waits(watch));
      }
      statement.execute(SAME_KEY);
      connection.rollback();
      HttpResponse<String> answer = labelled.get(20, TimeUnit.SECONDS);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
      connection.setAutoCommit(true);
      RunningService.await(BACK, () -> deadlocks(statement, deadlocks) > before);
    }
    assertThat(count("feedback.model_feedback WHERE idempotency_key = 'deadlock'")).isEqualTo(1);
  }

  private static boolean waits(Statement statement) {
    try {
      return number(statement, WAITS) > 0;
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private static long deadlocks(Statement statement, String sql) {
    try {
      return number(statement, sql);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  // ---- no connection left -----------------------------------------------------------------------

  /** Somebody takes each connection that there is, and those of the service when they are ended. */
  @Test
  void service_noConnectionLeft_observesAndIsBackByItself() throws Exception {
    String on = held();
    List<Connection> taken = new ArrayList<>();
    Askers askers =
        new Askers()
            .ask("hold", ITDatabaseFaults::hold)
            .ask("allow", ITDatabaseFaults::allow)
            .ask("label", () -> label(service, on, UUID.randomUUID().toString()));
    try (askers) {
      try (Connection first = connect();
          Statement statement = first.createStatement()) {
        askers.start();
        takeAll(taken, statement);
        askers.await("hold", a -> source(a).equals("unlogged"));
        askers.await("label", a -> a.status() == 503);
        statement.execute("SELECT pg_sleep(" + HELD.toMillis() / 1e3 + ")");
      } finally {
        for (Connection connection : taken) {
          connection.close();
        }
      }
      long free = System.nanoTime();
      askers.await("hold", a -> source(a).equals("file"));
      askers.await("label", a -> a.status() == 201);
      System.out.printf("NO CONNECTION: back %.1f s after%n", (System.nanoTime() - free) / 1e9);
    }
    for (String what : List.of("hold", "allow")) {
      assertThat(askers.statuses(what)).as(askers.told(what)).isSubsetOf(200, 503);
      assertThat(askers.of(what).stream().filter(a -> a.status() == 503))
          .as("only where a commit was cut off: whether it was made is unknown")
          .allMatch(a -> a.body().contains("predictionId"));
    }
    assertThat(askers.statuses("allow")).containsExactly(200);
    assertThat(askers.longestMs("label")).isLessThanOrEqualTo(2 * LONGEST_MS + LOCK_MS);
    assertThat(askers.longestMs("allow")).isLessThan(LOCK_MS);
    Set<String> answered = ids(askers.of("hold"));
    answered.addAll(ids(askers.of("allow")));
    assertThat(missing(answered)).isZero();
  }

  private static void takeAll(List<Connection> taken, Statement statement) throws SQLException {
    String end =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            + " WHERE application_name LIKE 'ml-service%'";
    for (int round = 0; round < 200; round++) {
      long ended = number(statement, end);
      while (taken.size() < 60) {
        try {
          taken.add(connect());
        } catch (SQLException e) {
          if (ended == 0) {
            return; // nobody has one any more but us
          }
          break;
        }
      }
    }
    throw new AssertionError("the service still has connections");
  }
}
