package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of the documents, run as they stand, and the answers that they show. */
class ITDocs {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern BLOCK = Pattern.compile("```(sh|json)\n(.*?)```", Pattern.DOTALL);
  private static final String END = "=== end of block";

  @TempDir Path dir;

  /** The shell blocks of a document, in one shell. */
  private List<String> run(String document, Map<String, String> settings) throws Exception {
    StringBuilder script = new StringBuilder("set -euo pipefail\n");
    Matcher blocks = BLOCK.matcher(Files.readString(RunningService.HOME.resolve(document)));
    while (blocks.find()) {
      if (blocks.group(1).equals("sh")) {
        script.append(blocks.group(2)).append("\nprintf '\\n%s\\n' '").append(END).append("'\n");
      }
    }
    try (RunningService service = RunningService.start(dir, settings)) {
      return List.of(service.shell(script.toString()).split("\n" + END + "\n?", -1));
    }
  }

  @Test
  void readme_itsCommands_answerAsItSays() throws Exception {
    List<String> outputs = run("README.md", Map.of());
    Matcher blocks = BLOCK.matcher(Files.readString(RunningService.HOME.resolve("README.md")));
    List<JsonNode> shown = new ArrayList<>();
    while (blocks.find()) {
      if (blocks.group(1).equals("json")) {
        shown.add(JSON.readTree(blocks.group(2)));
      }
    }
    JsonNode answer = JSON.readTree(outputs.get(0));
    assertThat(withoutWhatChanges(answer)).isEqualTo(withoutWhatChanges(shown.get(0)));
    assertThat(outputs.get(1)).contains("FALSE_POSITIVE", answer.path("predictionId").asText());
    assertThat(outputs.get(2))
        .contains("20261123 -> 20261116", "20261116 -> 20261123", "override", "file");
  }

  private static JsonNode withoutWhatChanges(JsonNode answer) {
    ObjectNode same = answer.deepCopy();
    assertThat(same.remove("predictionId")).isNotNull();
    assertThat(((ObjectNode) same.path("decision")).remove("flagAgeMs")).isNotNull();
    return same;
  }

  @Test
  void runbook_itsCommands_succeed() throws Exception {
    Path models = RunningService.HOME.resolve("artifacts/models");
    try (Stream<Path> files = Files.walk(models)) {
      for (Path file : files.toList()) { // it signs and revokes: a copy
        Files.copy(file, dir.resolve("models").resolve(models.relativize(file).toString()));
      }
    }
    Path trust = dir.resolve("trust.json");
    Files.copy(RunningService.HOME.resolve("conf/trust.json"), trust);
    Map<String, String> copies =
        Map.of(
            "ML_REGISTRY_DIR", dir.resolve("models").toString(), "ML_TRUST_FILE", trust.toString());

    List<String> outputs = run("docs/RUNBOOK.md", copies);

    assertThat(outputs).hasSizeGreaterThan(7);
    assertThat(outputs.get(outputs.size() - 2)).contains("is revoked", "not any more");
  }
}
