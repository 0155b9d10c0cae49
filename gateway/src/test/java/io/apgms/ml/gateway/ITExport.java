package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Labels on their way out of a running service, and into the next training. */
class ITExport {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;

  private static String labelled(RunningService service, String label) throws Exception {
    String body =
        ITFaults.CASE.substring(0, ITFaults.CASE.length() - 1)
            + ",\"entityId\":\"e-1\",\"groups\":{\"company_size\":\"small\"}}";
    String id =
        RunningService.json(service.api("POST", "/ml/score", body)).path("predictionId").asText();
    String sent =
        "{\"predictionId\":\""
            + id
            + "\",\"modelId\":\"risk-score\",\"modelVersion\":\"20261123\",\"label\":\""
            + label
            + "\",\"source\":\"OPERATOR\",\"notes\":\"a, \\\"b\\\"\\nc\",\"metadata\":{\"t\":1}}";
    assertThat(service.api("POST", "/ml/feedback", sent).statusCode()).isEqualTo(201);
    return id;
  }

  @Test
  void export_windowOfLabels_isTheSourceOfTheSameSnapshot() throws Exception {
    Path out = dir.resolve("exports");
    String schema = RunningService.HOME.resolve("conf/models/risk-score.yaml").toString();
    try (RunningService service = RunningService.start(dir, Map.of())) {
      List<String> ids = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        ids.add(labelled(service, i % 2 == 0 ? "TRUE_POSITIVE" : "FALSE_POSITIVE"));
      }
      String until = Instant.now().plus(1, ChronoUnit.HOURS).truncatedTo(ChronoUnit.SECONDS) + "";
      JsonNode manifest =
          JSON.readTree(
              service.run(
                  Map.of(),
                  0,
                  "feedback",
                  "export",
                  "--until",
                  until,
                  "--out",
                  out + "",
                  "--json"));
      Path file = out.resolve(manifest.path("file").asText());
      assertThat(manifest.path("rows").asInt()).isEqualTo(4);
      assertThat(manifest.path("to").asText()).isEqualTo(until);
      assertThat(Files.getPosixFilePermissions(file)).hasSize(2);
      JsonNode row = JSON.readTree(Files.readAllLines(file).get(0));
      assertThat(ids).contains(row.path("predictionId").asText());
      assertThat(row.at("/inputs/liquidity_ratio").asDouble()).isEqualTo(0.4);
      assertThat(row.path("notes").asText()).isEqualTo("a, \"b\"\nc");
      assertThat(row.at("/metadata/t").asInt()).isEqualTo(1);
      assertThat(row.at("/groups/company_size").asText()).isEqualTo("small");
      assertThat(row.path("counts").asBoolean()).isTrue();

      Path named = out.resolve(file.getFileName() + ".manifest.json");
      String snapshots = dir.resolve("snapshots").toString();
      String[] fromStore = {
        "snapshot", "--schema", schema, "--days", "1", "--until", until, "--out", snapshots
      };
      String[] fromExport = {
        "snapshot", "--schema", schema, "--labels", named.toString(), "--out", snapshots
      };
      String stored = service.run(Map.of(), 0, fromStore);
      assertThat(stored).contains("4 labelled decisions");
      assertThat(service.run(Map.of(), 0, fromExport)).isEqualTo(stored);

      Files.writeString(file, Files.readString(file).replaceFirst("0\\.4", "0.5"));
      assertThat(service.run(Map.of(), 1, fromExport)).contains("SHA-256", "expected");
      csv(service, until, out);
      manyChunks(service, ids.get(0), until);
    }
  }

  /** More than is held at once. */
  private void manyChunks(RunningService service, String id, String until) throws Exception {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 400; i++) {
      lines
          .append("{\"predictionId\":\"" + id + "\",\"modelId\":\"risk-score\",")
          .append("\"modelVersion\":\"20261123\",\"label\":\"TRUE_POSITIVE\",")
          .append("\"source\":\"FINANCE\",\"notes\":\"" + i + "x".repeat(1_990) + "\"}\n");
    }
    Path file = Files.writeString(dir.resolve("many.ndjson"), lines);
    service.run(Map.of(), 0, "feedback", "backfill", file.toString());
    String out = dir.resolve("more").toString();
    String[] command = {"feedback", "export", "--until", until, "--out", out, "--json"};
    JsonNode manifest = JSON.readTree(service.run(Map.of(), 0, command));
    assertThat(manifest.path("rows").asInt()).isEqualTo(404);
    assertThat(manifest.path("bytes").asLong()).isGreaterThan(524_288);
  }

  private static void csv(RunningService service, String until, Path out) throws Exception {
    String[] command = {
      "feedback", "export", "--until", until, "--format", "csv", "--out", out.toString(), "--json"
    };
    assertThat(service.run(Map.of(), 1, command)).contains("422", "expected one model");
    List<String> one = new ArrayList<>(List.of(command));
    one.addAll(List.of("--model", "risk-score"));
    JsonNode manifest = JSON.readTree(service.run(Map.of(), 0, one.toArray(String[]::new)));
    assertThat(manifest.path("rows").asInt()).isEqualTo(4);
    String text = Files.readString(out.resolve(manifest.path("file").asText()));
    assertThat(text)
        .startsWith("feedbackId,predictionId,")
        .contains(",features,liquidity_ratio,", "\"a, \"\"b\"\"\nc\"", ",,0.4,0.9,1.8,5,210,");
  }
}
