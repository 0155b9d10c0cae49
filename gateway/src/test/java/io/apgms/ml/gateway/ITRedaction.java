package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A person who was put through every route and redacted is found nowhere. */
class ITRedaction {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CANARY = "canary7f3";

  @TempDir Path dir;
  private final OtlpReceiver receiver = new OtlpReceiver();

  @AfterEach
  void close() {
    receiver.close();
  }

  private Connection connect() throws Exception {
    String port = Files.readAllLines(dir.resolve("data/postgres/postmaster.pid")).get(3).strip();
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", "postgres");
  }

  /** Tables with a row that names the person, as a dump would show it. */
  private Set<String> tables() throws Exception {
    Set<String> found = new TreeSet<>();
    List<String> tables = new ArrayList<>();
    try (Connection connection = connect();
        var statement = connection.createStatement()) {
      try (var rows =
          statement.executeQuery(
              "SELECT schemaname || '.' || tablename FROM pg_tables"
                  + " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")) {
        while (rows.next()) {
          tables.add(rows.getString(1));
        }
      }
      assertThat(tables).hasSizeGreaterThan(15);
      for (String table : tables) {
        try (var rows =
            statement.executeQuery(
                "SELECT count(*) FROM " + table + " t WHERE t::text LIKE '%" + CANARY + "%'")) {
          rows.next();
          if (rows.getLong(1) > 0) {
            found.add(table.replaceAll("_[0-9]{4}w[0-9]{2}", ""));
          }
        }
      }
    }
    return found;
  }

  private static boolean holds(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(CANARY)) {
          return true;
        }
      }
    }
    return false;
  }

  private static String scored(RunningService service, String more) throws Exception {
    String body = ITFaults.CASE.substring(0, ITFaults.CASE.length() - 1) + more + "}";
    HttpResponse<String> answer = service.api("POST", "/ml/score", body);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return RunningService.json(answer).path("predictionId").asText();
  }

  private static String label(String id) {
    return "{\"predictionId\":\""
        + id
        + "\",\"modelId\":\"risk-score\",\"modelVersion\":\"20261123\",\"label\":"
        + "\"FALSE_POSITIVE\",\"source\":\"OPERATOR\",\"submittedBy\":\"ann-"
        + CANARY
        + "\",\"notes\":\"notes "
        + CANARY
        + "\",\"metadata\":{\"k\":\""
        + CANARY
        + "\"}";
  }

  /** Every route that takes anything of a person. */
  private List<String> everyRoute(RunningService service) throws Exception {
    String person =
        ",\"entityId\":\"entity-" + CANARY + "\",\"groups\":{\"company_size\":\"" + CANARY + "\"}";
    String spooled = scored(service, person);
    String committed = scored(service, person + ",\"requestId\":\"request-" + CANARY + "\"");
    Map<String, String> key = Map.of("Idempotency-Key", "key-" + CANARY);
    assertThat(service.api("POST", "/ml/feedback", label(committed) + "}", key).statusCode())
        .isEqualTo(201);
    Path lines = dir.resolve("labels.ndjson");
    Files.writeString(lines, label(spooled) + ",\"idempotencyKey\":\"line-" + CANARY + "\"}\n");
    service.run(Map.of(), 0, "feedback", "backfill", lines.toString());
    service.api("GET", "/ml/predictions?entityId=entity-" + CANARY, null);
    service.api("GET", "/ml/predictions/" + CANARY, null);
    service.api("POST", "/ml/feedback", label(committed) + ",\"" + CANARY + "\":1}");
    return List.of(spooled, committed);
  }

  private void assertNotTold(RunningService service, Path dir) throws Exception {
    assertThat(receiver.mentions(CANARY)).isFalse(); // ITTrace plants one that is found
    assertThat(receiver.refused()).isEmpty();
    assertThat(service.logText()).doesNotContain(CANARY);
    assertThat(Files.readString(dir.resolve("data/postgres.log"))).doesNotContain(CANARY);
    assertThat(service.management("GET", "/metrics", null, null).body()).doesNotContain(CANARY);
  }

  @Test
  void redact_personThroughEveryRoute_isFoundNowhere() throws Exception {
    Path out = dir.resolve("exports");
    String until = Instant.now().plus(1, ChronoUnit.HOURS).truncatedTo(ChronoUnit.SECONDS) + "";
    String[] export = {"feedback", "export", "--until", until, "--out", out + "", "--json"};
    Map<String, String> settings = new HashMap<>(Map.of("ML_AUDIT_SEAL_MS", "1000"));
    settings.put("ML_LOG_FORMAT", "json");
    settings.put("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url());
    settings.put("OTEL_BSP_SCHEDULE_DELAY", "100");
    try (RunningService service = RunningService.start(dir, settings)) {
      List<String> ids = everyRoute(service);
      JsonNode exported = JSON.readTree(service.run(Map.of(), 0, export));
      Map<String, String> token = Map.of("ML_TOKEN", service.token("compliance"));
      for (String id : ids) {
        proved(service, id, 200, "data", token);
      }
      // The positive control: before, the search finds the person wherever they are.
      assertThat(tables())
          .contains("feedback.decision", "feedback.model_feedback", "feedback.request");
      assertThat(holds(dir.resolve("data/spool-2"))).isTrue();
      assertThat(holds(out)).isTrue();
      RunningService.await(
          Duration.ofSeconds(20), () -> receiver.mentions("POST /ml/feedback/backfill"));
      assertNotTold(service, dir);

      String found = script(service, token, "--entity", "entity-" + CANARY);
      assertThat(found).contains("2 decisions, 2 labels, 1 request ids", "nothing was changed");
      assertThat(tables()).contains("feedback.decision");
      String done = script(service, token, "--entity", "entity-" + CANARY, "--apply");
      assertThat(done).contains("\"decisions\": 2", exported.path("exportId").asText());
      assertThat(
              service.run(
                  token,
                  0,
                  "feedback",
                  "redact",
                  "--submitted-by",
                  "ann-" + CANARY,
                  "--reason",
                  "request 12"))
          .contains("replaced: 0 decisions, 2 labels");

      assertThat(tables()).isEmpty();
      assertThat(holds(dir.resolve("data/spool-2"))).isFalse();
      assertNotTold(service, dir);
      try (var files = Files.list(out)) {
        for (Path file : files.toList()) {
          Files.delete(file); // as the report said
        }
      }
      service.run(Map.of(), 0, export);
      assertThat(holds(out)).isFalse();

      for (String id : ids) {
        proved(service, id, 409, "was redacted, see audit id", token);
      }
      try (Connection connection = connect();
          var statement = connection.createStatement()) {
        statement.execute(
            "UPDATE feedback.decision SET score = 0.01 WHERE id = '" + ids.get(0) + "'");
      }
      proved(service, ids.get(0), 409, "is not what was stored", token);
      proved(service, ids.get(1), 409, "was redacted, see audit id", token);
      assertThat(service.run(token, 0, "audit", "verify")).contains("intact");
    }
  }

  private static void proved(
      RunningService service, String id, int status, String text, Map<String, String> token)
      throws Exception {
    RunningService.await(
        Duration.ofSeconds(20),
        () -> {
          try {
            HttpResponse<String> answer =
                service.management(
                    "GET", "/admin/audit/" + id + "/proof", null, token.get("ML_TOKEN"));
            return answer.statusCode() == status && answer.body().contains(text);
          } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  /** The operators' job, by the Node that strips its types. */
  private static String script(
      RunningService service, Map<String, String> token, String... arguments) throws Exception {
    StringBuilder command =
        new StringBuilder("node=$(tools/install-node.sh); ML_TOKEN=" + token.get("ML_TOKEN"));
    command.append(" $node shared/scripts/redact-model-feedback.ts --reason 'request 12'");
    for (String argument : arguments) {
      command.append(' ').append(argument);
    }
    return service.shell(command.toString());
  }
}
