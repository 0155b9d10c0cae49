package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bin/ml-service verify} as it is, over what is shipped and over broken candidates. */
class ITGates {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String VERSION = "20261130";

  @TempDir Path dir;
  private final Map<String, String> settings = new HashMap<>();

  @BeforeEach
  void settings() {
    settings.put("ML_DATA_DIR", dir.resolve("data").toString());
  }

  private String verify(int exit, String... words) throws Exception {
    String[] all = new String[words.length + 1];
    all[0] = "verify";
    System.arraycopy(words, 0, all, 1, words.length);
    return RunningService.launcher(settings, exit, all);
  }

  /** A signed copy of a shipped version, of which one JSON file is changed. */
  private Path candidate(String file, Change change) throws Exception {
    Path root = dir.resolve("candidates");
    Path to = Files.createDirectories(root.resolve("risk-score").resolve(VERSION));
    Path from = RunningService.HOME.resolve("artifacts/models/risk-score/20261123");
    Manifest shipped = Manifest.parse(Files.readAllBytes(from.resolve("manifest.json")));
    List<Manifest.FileEntry> entries = new ArrayList<>();
    for (Manifest.FileEntry entry : shipped.files()) {
      byte[] bytes = Files.readAllBytes(from.resolve(entry.name()));
      if (entry.name().equals(file)) {
        bytes = change.of(bytes);
      }
      Files.write(to.resolve(entry.name()), bytes);
      entries.add(new Manifest.FileEntry(entry.name(), ArtifactStore.sha256(bytes), bytes.length));
    }
    Manifest other =
        new Manifest(
            shipped.model(),
            VERSION,
            entries,
            shipped.features(),
            shipped.scoreBaseline(),
            shipped.threshold(),
            shipped.slo(),
            shipped.provenance(),
            shipped.validity());
    Files.write(to.resolve("manifest.json"), other.toJson());
    settings.put("ML_REGISTRY_DIR", dir.resolve("models").toString());
    RunningService.launcher(settings, 0, "sign", "--model", "risk-score", "--version", VERSION);
    settings.put("ML_REGISTRY_DIR", RunningService.HOME.resolve("artifacts/models").toString());
    return root;
  }

  private interface Change {
    byte[] of(byte[] before) throws IOException;
  }

  private String verifyCandidate(int exit, Path root, String gate) throws Exception {
    return verify(
        exit,
        "--registry",
        root.toString(),
        "--model",
        "risk-score",
        "--version",
        VERSION,
        "--gate",
        gate);
  }

  @Test
  void verify_shippedVersion_passesAndWritesEvidence() throws Exception {
    Path evidence = dir.resolve("evidence.json");
    String out =
        verify(
            0,
            "--model",
            "risk-score",
            "--version",
            "20261123",
            "--gate",
            "integrity,bias,smoke",
            "--evidence",
            evidence.toString());

    assertThat(out)
        .contains("pass integrity risk-score/20261123 sha256:")
        .contains("pass bias risk-score/20261123 largest of 32 deltas")
        .contains(
            "pass smoke risk-score/20261123 p95", "the baseline 20261116 on", "6 golden rows");
    GateEvidence document = GateEvidence.parse(Files.readAllBytes(evidence));
    assertThat(document.results().stream().map(GateResult::gate))
        .containsExactly(Gate.integrity, Gate.bias, Gate.smoke);
    assertThat(document.results()).allMatch(r -> r.outcome() == Outcome.pass);
    assertThat(out).contains(document.manifestDigest());
  }

  @Test
  void verify_shippedCreditDefault_failsBiasAndHasNoCanary() throws Exception {
    String out = verify(1, "--model", "credit-default", "--gate", "bias,smoke", "--details");

    assertThat(out)
        .contains("fail bias credit-default/20261123 education: graduate school: false-negative")
        .contains("delta 6.01 % (3.98 % to 7.99 %); 1,427 of 7,510 rows, 19,845 needed")
        .contains("education: other or unknown: 330 rows, expected at least 500")
        .contains("inconclusive smoke credit-default/20261123 no canary");
  }

  /** The control: a report that was made nicer than its own counts. */
  @Test
  void verify_candidateWhoseReportLies_fails() throws Exception {
    Path root =
        candidate(
            "bias_report.json",
            bytes -> {
              ObjectNode report = (ObjectNode) JSON.readTree(bytes);
              ((ObjectNode) report.path("groups").get(0).path("delta")).put("selectionRate", 0);
              return JSON.writeValueAsBytes(report);
            });

    assertThat(verifyCandidate(0, root, "integrity")).contains("pass integrity");
    assertThat(verifyCandidate(1, root, "bias"))
        .contains("fail bias risk-score/" + VERSION, "owner_sex: female: delta.selectionRate 0");
  }

  /** The control: golden rows that the model does not give make the service refuse it. */
  @Test
  void verify_candidateThatDoesNotServe_failsSmoke() throws Exception {
    Path root =
        candidate(
            "golden.json",
            bytes -> {
              var rows = JSON.readTree(bytes);
              ((ObjectNode) rows.get(0)).put("score", 0.5);
              return JSON.writeValueAsBytes(rows);
            });

    assertThat(verifyCandidate(1, root, "smoke"))
        .contains("fail smoke risk-score/" + VERSION, "not ready", "golden row");
  }

  @Test
  void verify_unknownGateOrEvidenceOfAll_isWrongUsage() throws Exception {
    verify(2, "--gate", "luck");
    verify(2, "--evidence", dir.resolve("e.json").toString());
    assertThat(RunningService.launcher(settings, 2, "reproduce", "--tag", "nothing"))
        .contains("expected <model>_<version>");
  }
}
