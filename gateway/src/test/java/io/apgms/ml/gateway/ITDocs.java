package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.GateResult.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of the documents, run as they stand, and the answers that they show. */
class ITDocs {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern BLOCK = Pattern.compile("```(sh|json)\n(.*?)```", Pattern.DOTALL);
  private static final String END = "=== end of block";

  @TempDir Path dir;

  /** What must be there before the first block. */
  private interface Preparation {
    void with(RunningService service) throws Exception;
  }

  /** The shell blocks of a document, in one shell. */
  private List<String> run(String document, Map<String, String> settings, Preparation before)
      throws Exception {
    StringBuilder script = new StringBuilder("set -euo pipefail\n");
    Matcher blocks = BLOCK.matcher(Files.readString(RunningService.HOME.resolve(document)));
    while (blocks.find()) {
      if (blocks.group(1).equals("sh")) {
        script.append(blocks.group(2)).append("\nprintf '\\n%s\\n' '").append(END).append("'\n");
      }
    }
    try (RunningService service = RunningService.start(dir, settings)) {
      before.with(service);
      return List.of(service.shell(script.toString()).split("\n" + END + "\n?", -1));
    }
  }

  @Test
  void readme_itsCommands_answerAsItSays() throws Exception {
    List<String> outputs = run("README.md", Map.of(), service -> {});
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
    ApprovalRun copy = new ApprovalRun(dir); // it signs, revokes, promotes and tags
    Path trust = dir.resolve("trust.json");
    Files.copy(RunningService.HOME.resolve("conf/trust.json"), trust);
    Map<String, String> settings = new HashMap<>(copy.environment());
    settings.put("ML_TRUST_FILE", trust.toString());
    settings.put("ML_AUDIT_SEAL_MS", "1000");
    settings.put("ML_AUDIT_HEAD_MS", "1000");
    settings.put("EVIDENCE", dir.resolve("evidence-20261130-pass.json").toString());

    List<String> outputs = run("docs/RUNBOOK.md", settings, service -> candidate(copy, service));

    assertThat(outputs).hasSizeGreaterThan(11);
    assertThat(outputs).anySatisfy(o -> assertThat(o).contains("is revoked", "not any more"));
    assertThat(outputs)
        .anySatisfy(o -> assertThat(o).contains("tagged risk-score_20261130", "promoted, revision"))
        .anySatisfy(o -> assertThat(o).contains("attached to MLAPPROVAL-1, replay 1"))
        .anySatisfy(o -> assertThat(o).contains("apgms_ml_error_budget_remaining_ratio{"));
    assertThat(copy.tags()).isEqualTo("risk-score_20261130");
  }

  private static void candidate(ApprovalRun copy, RunningService service) throws Exception {
    copy.evidence("20261130", copy.candidate(service, "20261130"), Outcome.pass);
  }
}
