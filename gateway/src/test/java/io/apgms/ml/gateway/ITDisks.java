package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A disk that is full to its last byte, under PostgreSQL's tables or under the spool; a file system
 * of its own in memory. Prints the times that docs/RELIABILITY.md has.
 */
class ITDisks {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FULL_ANSWERS = Boolean.getBoolean("soak") ? 2_000 : 200;
  private static final Duration BACK = Duration.ofSeconds(30);
  private static final double LONGEST_MS =
      1_600; // a second for the database, the rest the machine's

  @TempDir Path dir;
  private EmbeddedPostgres postgres;
  private SmallDisk disk;

  @BeforeEach
  void start() throws Exception {
    postgres = EmbeddedPostgres.builder().start();
  }

  @AfterEach
  void stop() throws Exception {
    postgres.close();
    if (disk != null) {
      disk.unmount();
    }
  }

  private Map<String, String> settings(String database) throws IOException {
    return Acting.settings(dir, Acting.url(postgres.getPort(), database));
  }

  private void sql(String... statements) throws SQLException {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      for (String one : statements) {
        statement.execute(one);
      }
    }
  }

  private long count(String database, String from) throws SQLException {
    try (Connection connection = postgres.getDatabase("postgres", database).getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT count(*) FROM " + from)) {
      row.next();
      return row.getLong(1);
    }
  }

  private static HttpResponse<String> label(RunningService service, String id) throws Exception {
    return service.api(
        "POST",
        "/ml/feedback",
        ITFaults.label(id, "TRUE_POSITIVE"),
        Map.of("Idempotency-Key", UUID.randomUUID().toString()));
  }

  private static JsonNode read(Askers.Answer answer) {
    try {
      return JSON.readTree(answer.body());
    } catch (IOException e) {
      throw new AssertionError(answer.body(), e);
    }
  }

  private static String source(Askers.Answer answer) {
    return answer.status() == 200 ? read(answer).at("/decision/modeSource").asText() : "";
  }

  private static double waiting(RunningService service) {
    try {
      return service.metric("apgms_ml_telemetry_spool_bytes");
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Of the decisions that were answered those that are not there, once nothing waits. */
  private long missing(RunningService service, String database, Set<String> ids) throws Exception {
    RunningService.await(BACK, () -> waiting(service) == 0);
    String in = String.join("','", ids);
    return ids.size() - count(database, "feedback.decision WHERE id IN ('" + in + "')");
  }

  private static Set<String> answered(Askers askers, String... whats) {
    Set<String> ids = new HashSet<>();
    for (String what : whats) {
      for (Askers.Answer answer : askers.of(what)) {
        if (answer.status() == 200) {
          ids.add(read(answer).path("predictionId").asText());
        }
      }
    }
    return ids;
  }

  /** Tables on a disk of their own: the log of PostgreSQL itself has space, or it would stop. */
  @Test
  void service_tablesOnAFullDisk_observesAndCatchesUp() throws Exception {
    disk = SmallDisk.mount(dir.resolve("tables"), 64);
    sql(
        "CREATE TABLESPACE small LOCATION '"
            + Files.createDirectory(disk.path().resolve("space"))
            + "'",
        "CREATE DATABASE small TABLESPACE small");
    try (RunningService service = RunningService.start(dir, settings("small"))) {
      JsonNode first = RunningService.json(service.api("POST", "/ml/score", ITFaults.CASE));
      assertThat(first.at("/decision/enforced").asBoolean()).as(first.toString()).isTrue();
      String on = first.path("predictionId").asText();
      Askers askers =
          new Askers()
              .ask("hold", () -> service.api("POST", "/ml/score", ITFaults.CASE))
              .ask("allow", () -> service.api("POST", "/ml/score", ITFaults.CALM))
              .ask("label", () -> label(service, on))
              .ask("read", () -> service.api("GET", "/ml/predictions/" + on, null))
              .start();
      double back;
      try (askers) {
        disk.fill();
        askers.await("label", a -> a.status() == 503);
        askers.await("hold", a -> source(a).equals("unlogged"));
        int from = askers.of("allow").size();
        RunningService.await(BACK, () -> askers.of("allow").size() >= from + FULL_ANSWERS);
        disk.free();
        long free = System.nanoTime();
        askers.await("label", a -> a.status() == 201);
        askers.await("hold", a -> source(a).equals("file"));
        back = (System.nanoTime() - free) / 1e9;
      }
      askers.told().forEach(line -> System.out.println("TABLES' DISK FULL: " + line));
      System.out.printf("TABLES' DISK FULL: back %.1f s after it has space%n", back);
      for (String what : List.of("hold", "allow", "read")) {
        assertThat(askers.statuses(what)).as(askers.told(what)).containsExactly(200);
      }
      assertThat(askers.statuses("label")).containsExactly(201, 503);
      for (String what : List.of("hold", "allow", "read", "label")) {
        assertThat(askers.longestMs(what)).as(askers.told(what)).isLessThan(LONGEST_MS);
      }
      Set<String> answered = answered(askers, "hold", "allow");
      assertThat(missing(service, "small", answered)).isZero();
      assertThat(count("small", "feedback.model_feedback"))
          .as("each that was answered 201, and no other")
          .isEqualTo(askers.of("label").stream().filter(a -> a.status() == 201).count());
      assertThat(service.metric("apgms_ml_telemetry_dropped_total")).isZero();
    }
    sql("DROP DATABASE small", "DROP TABLESPACE small");
  }

  @Test
  void score_spoolOnAFullDisk_isRefusedAndNothingAnsweredIsLost() throws Exception {
    disk = SmallDisk.mount(dir.resolve("volume"), 320);
    try (Relay way = new Relay(postgres.getPort())) {
      Map<String, String> settings = settings("postgres");
      settings.put(
          "ML_DATABASE_URL",
          "postgresql://postgres:postgres@127.0.0.1:" + way.port() + "/postgres");
      try (RunningService service = RunningService.start(disk.path(), settings)) {
        way.cut();
        Askers askers =
            new Askers()
                .ask("allow", () -> service.api("POST", "/ml/score", ITFaults.CALM))
                .ask("allow", () -> service.api("POST", "/ml/score", ITFaults.CALM))
                .ask("models", () -> service.api("GET", "/ml/models", null))
                .start();
        double back;
        try (askers) {
          RunningService.await(BACK, () -> askers.of("allow").size() >= FULL_ANSWERS);
          disk.fill();
          askers.await("allow", a -> a.status() == 503);
          int from = askers.of("allow").size();
          RunningService.await(BACK, () -> askers.of("allow").size() >= from + FULL_ANSWERS);
          assertThat(service.management("GET", "/health/ready", null, null).statusCode())
              .isEqualTo(200);
          disk.free();
          long free = System.nanoTime();
          askers.await("allow", a -> a.status() == 200);
          back = (System.nanoTime() - free) / 1e9;
        }
        askers.told().forEach(line -> System.out.println("SPOOL'S DISK FULL: " + line));
        System.out.printf("SPOOL'S DISK FULL: back %.1f s after it has space%n", back);
        List<Askers.Answer> refused =
            askers.of("allow").stream().filter(a -> a.status() != 200).toList();
        assertThat(refused).allMatch(a -> a.status() == 503 && a.retryAfter());
        assertThat(askers.longestMs("allow")).isLessThan(LONGEST_MS);
        assertThat(askers.statuses("models")).containsExactly(200);
        assertThat(service.metric("apgms_ml_inference_rejected_total", "not_logged"))
            .isEqualTo(refused.size());
        way.mend();
        Set<String> answered = answered(askers, "allow");
        assertThat(missing(service, "postgres", answered)).isZero();
        assertThat(count("postgres", "feedback.decision"))
            .as("none of those that were refused")
            .isEqualTo(answered.size());
        assertThat(service.metric("apgms_ml_telemetry_dropped_total")).isZero();
        sql("DELETE FROM feedback.decision WHERE id = '" + answered.iterator().next() + "'");
        assertThat(missing(service, "postgres", answered)).as("the control").isEqualTo(1);
      }
    }
  }
}
