package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the chart runs beside the service: the migration and the removal of what is too old. */
class ITJobs {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path dir;
  private static EmbeddedPostgres postgres;

  @BeforeAll
  static void start() throws Exception {
    postgres =
        EmbeddedPostgres.builder()
            .setDataDirectory(dir.resolve("postgres"))
            .setPort(RunningService.freePort())
            .start();
    sql("CREATE DATABASE retained");
  }

  @AfterAll
  static void stop() throws Exception {
    postgres.close();
  }

  private static Connection connect(String database) throws SQLException {
    String url = "jdbc:postgresql://127.0.0.1:" + postgres.getPort() + "/" + database;
    return DriverManager.getConnection(url, "postgres", "postgres");
  }

  private static void sql(String text) throws SQLException {
    try (Connection connection = connect("postgres");
        Statement statement = connection.createStatement()) {
      statement.execute(text);
    }
  }

  private static String run(String database, int exit, String... words) throws Exception {
    Map<String, String> settings = new HashMap<>();
    settings.put("ML_DATA_DIR", dir.resolve("data").toString());
    settings.put("ML_DATABASE_URL", database);
    return RunningService.launcher(settings, exit, words);
  }

  private static String url(String database) {
    return "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/" + database;
  }

  @Test
  void migrate_anEmptyDatabase_bringsItUpToDateOnce_andLeavesALaterOneAlone() throws Exception {
    String database = url("postgres");
    List<String> first = run(database, 0, "migrate", "--json").lines().toList();
    assertThat(first).hasSize(2);
    JsonNode feedback = JSON.readTree(first.get(1));
    assertThat(feedback.path("schema").asText()).isEqualTo("feedback");
    assertThat(feedback.path("applied").asInt()).isGreaterThan(8);
    String version = feedback.path("version").asText();

    assertThat(run(database, 0, "migrate"))
        .contains("feedback is at version " + version + ", 0 migration(s) applied");

    // As after `helm rollback`: the release that was left has brought the tables further.
    sql(
        "INSERT INTO feedback.flyway_schema_history SELECT installed_rank + 100, '999', 'later',"
            + " type, 'V999__later.sql', 1, installed_by, now(), 1, true"
            + " FROM feedback.flyway_schema_history ORDER BY installed_rank DESC LIMIT 1");
    assertThat(run(database, 0, "migrate"))
        .contains("feedback is at version 999, 0 migration(s) applied");
  }

  @Test
  void migrate_withoutADatabase_saysWhatIsMissing() throws Exception {
    assertThat(run("", 2, "migrate")).contains("ML_DATABASE_URL", "expected postgresql://");
    assertThat(run("postgresql://nobody:none@127.0.0.1:1/none", 3, "migrate"))
        .contains("127.0.0.1:1/none is not up to date")
        .doesNotContain("nobody:none");
  }

  @Test
  void retention_oneRowIsTooOld_removesItUnderAnEntry_andThenNothing() throws Exception {
    String database = url("retained");
    run(database, 0, "migrate");
    try (Connection connection = connect("retained");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "INSERT INTO feedback.feature_drift SELECT day, 'risk-score', '20241101', 'x', 0,"
              + " '{}', '{}', 0, 0, 0, 0, NULL, NULL, NULL, 'no baseline'"
              + " FROM (VALUES (current_date), (current_date - 600)) AS of (day)");
      assertThat(run(database, 0, "retention"))
          .contains("drift drift", "rows=1", "1 piece(s) removed");
      assertThat(run(database, 0, "retention", "--json")).isEmpty();
      assertThat(count(statement, "feedback.feature_drift")).isOne();
      assertThat(count(statement, "registry.audit_log WHERE action = 'retention.drift'")).isOne();
    }
    assertThat(run(database, 2, "retention", "--pieces", "0")).contains("expected from 1");
    assertThat(run("postgresql://nobody:none@127.0.0.1:1/none", 3, "retention")).isNotEmpty();
  }

  private static long count(Statement statement, String from) throws SQLException {
    try (var rows = statement.executeQuery("SELECT count(*) FROM " + from)) {
      rows.next();
      return rows.getLong(1);
    }
  }
}
