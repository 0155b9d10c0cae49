package io.apgms.ml.gateway.gates;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.training.Progress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A checkout whose trainer is a script that hands out a shipped run: the same run, or one with a
 * planted difference.
 */
class ReproducibilityRunTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path SHIPPED = Path.of("../artifacts/models").toAbsolutePath().normalize();
  private static final Policy POLICY = Policy.read(Path.of("../conf/policy.yaml"));
  private static final String LAUNCHER =
      """
      #!/bin/bash
      # The run that is handed out lies beside this script. A run folder is the word after --out, --run.
      here=$(cd "$(dirname "$0")/.." && pwd)
      echo "$*" >> "$ARGUMENTS"
      words="$*"; out=${words##*--out }; [[ $1 == evaluate ]] && out=${words##*--run }
      cp "$here"/run/* "${out%% *}"
      """;

  @TempDir Path dir;
  private Path checkout;
  private Path arguments;

  @BeforeEach
  void checkout() throws Exception {
    checkout = Files.createDirectories(dir.resolve("checkout"));
    arguments = dir.resolve("arguments");
    Files.createDirectories(checkout.resolve("bin"));
    Path launcher = checkout.resolve("bin/ml-service");
    Files.writeString(launcher, LAUNCHER.replace("$ARGUMENTS", arguments.toString()));
    assertThat(launcher.toFile().setExecutable(true)).isTrue();
    Files.writeString(checkout.resolve("Makefile"), "build:\n\t@echo built\n");
    git("init", "-q");
  }

  private String git(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("git", "-C", checkout.toString()));
    command.addAll(List.of("-c", "user.name=t", "-c", "user.email=t@localhost"));
    command.addAll(List.of(words));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(out).isZero();
    return out.strip();
  }

  private String commit() throws Exception {
    git("add", "-A");
    git("commit", "-q", "-m", "trainer");
    return git("rev-parse", "HEAD");
  }

  private static VerifiedArtifact shipped(String name) {
    String[] parts = name.split("/", 2);
    return ArtifactStore.withoutSignatures(SHIPPED).load(parts[0], parts[1]);
  }

  /** Puts the shipped files where the script hands them out. */
  private Path handOut(String name) throws IOException {
    Path run = Files.createDirectories(checkout.resolve("run"));
    for (String file :
        List.of("model.pt", "training_run.json", "evaluation.json", "bias_report.json")) {
      Files.copy(SHIPPED.resolve(name).resolve(file), run.resolve(file));
    }
    return run;
  }

  /** The artifact as if it had been trained by this commit. */
  private static VerifiedArtifact by(String commit, VerifiedArtifact artifact) throws IOException {
    Map<String, byte[]> reports = new HashMap<>(artifact.reports());
    ObjectNode run = (ObjectNode) JSON.readTree(reports.get("training_run.json"));
    run.put("gitCommit", commit);
    reports.put("training_run.json", JSON.writeValueAsBytes(run));
    return new VerifiedArtifact(
        artifact.manifest(),
        artifact.digest(),
        artifact.torchScript(),
        artifact.golden(),
        reports,
        null);
  }

  private GateResult check(VerifiedArtifact artifact, Path data) throws Exception {
    try (ReproducibilityRun run = new ReproducibilityRun(checkout, Progress.silent())) {
      return run.check(artifact, data, POLICY);
    }
  }

  /** Of a script that hands out the shipped run with one difference. */
  private GateResult checkHandingOut(String key, Object value, String file) throws Exception {
    VerifiedArtifact artifact = shipped("risk-score/20261123");
    Path run = handOut("risk-score/20261123");
    if (file.equals("model.pt")) {
      Files.copy(
          SHIPPED.resolve("risk-score/20261116/model.pt"),
          run.resolve(file),
          StandardCopyOption.REPLACE_EXISTING);
    } else if (!key.isEmpty()) {
      ObjectNode json = (ObjectNode) JSON.readTree(Files.readAllBytes(run.resolve(file)));
      json.set(key, JSON.valueToTree(value));
      Files.write(run.resolve(file), JSON.writeValueAsBytes(json));
    }
    // A run names the commit that hands it out, which only then has a name.
    Files.writeString(
        checkout.resolve("bin/ml-service"),
        "sed -i \"s/\\(\\\"gitCommit\\\" *: *\\\"\\)[0-9a-f]*/\\1$(git -C \"$here\" rev-parse HEAD)/\""
            + " \"${out%% *}/training_run.json\"\n",
        StandardOpenOption.APPEND);
    return check(by(commit(), artifact), null);
  }

  @Test
  void check_sameRun_passes() throws Exception {
    GateResult result = checkHandingOut("", "", "");

    assertThat(result.outcome()).as(result.toString()).isEqualTo(Outcome.pass);
    assertThat(Files.readAllLines(arguments).get(0))
        .contains("train --schema", "--seed 2", "--window 6000:30000");
    assertThat(Files.readAllLines(arguments).get(1)).startsWith("evaluate --run");
  }

  @Test
  void check_otherWeights_fails() throws Exception {
    GateResult result = checkHandingOut("", "", "model.pt");

    assertThat(result.outcome()).isEqualTo(Outcome.fail);
    assertThat(result.reasons().get(0)).contains("weights of model.pt: largest difference");
  }

  @Test
  void check_otherMetrics_fails() throws Exception {
    GateResult result = checkHandingOut("threshold", 0.51, "evaluation.json");

    assertThat(result.outcome()).isEqualTo(Outcome.fail);
    assertThat(result.reasons().get(0)).contains("metrics: largest difference 0.0100");
  }

  @Test
  void check_metricsThatRoundDifferently_areInconclusive() throws Exception {
    GateResult result = checkHandingOut("threshold", 0.500001, "bias_report.json");

    assertThat(result.outcome()).isEqualTo(Outcome.inconclusive);
    assertThat(result.reasons().get(0)).contains("numerically equivalent", "1.00e-06");
  }

  @Test
  void check_otherTrainer_fails() throws Exception {
    GateResult result =
        checkHandingOut("containerDigest", "sha256:" + "0".repeat(64), "training_run.json");

    assertThat(result.outcome()).isEqualTo(Outcome.fail);
    assertThat(result.reasons().get(0)).contains("digest of the trainer is sha256:000");
  }

  @Test
  void check_otherRows_fails() throws Exception {
    assertThat(checkHandingOut("trainRows", 7, "training_run.json").outcome())
        .isEqualTo(Outcome.fail);
  }

  @Test
  void check_commitThatIsNotHere_isInconclusive() throws Exception {
    handOut("risk-score/20261123");
    commit();
    String absent = "0123456789012345678901234567890123456789";
    GateResult result = check(by(absent, shipped("risk-score/20261123")), null);

    assertThat(result.outcome()).isEqualTo(Outcome.inconclusive);
    assertThat(result.reasons().get(0)).contains("commit " + absent + " is not in this checkout");
  }

  @Test
  void check_commitThatIsNone_isInconclusive() throws Exception {
    GateResult result = check(by("--upload-pack=x", shipped("risk-score/20261123")), null);

    assertThat(result.outcome()).isEqualTo(Outcome.inconclusive);
    assertThat(result.reasons().get(0)).contains("expected hex digits");
  }

  /** What is not committed has no part in it: here, a trainer that would fail. */
  @Test
  void check_dirtyCheckout_buildsTheCommit() throws Exception {
    handOut("risk-score/20261123");
    String commit = commit();
    Files.writeString(checkout.resolve("bin/ml-service"), "exit 9\n");
    Files.writeString(checkout.resolve("Makefile"), "build:\n\tfalse\n");
    GateResult result = check(by(commit, shipped("risk-score/20261123")), null);

    assertThat(result.reasons().get(0)).doesNotContain("ended with");
    assertThat(Files.readAllLines(arguments)).hasSize(2);
  }

  @Test
  void check_commitThatDoesNotBuild_isInconclusive() throws Exception {
    handOut("risk-score/20261123");
    Files.writeString(checkout.resolve("Makefile"), "build:\n\t@echo no javac here; false\n");
    GateResult result = check(by(commit(), shipped("risk-score/20261123")), null);

    assertThat(result.outcome()).isEqualTo(Outcome.inconclusive);
    assertThat(result.reasons().get(0)).contains("make ended with 2", "no javac here");
  }

  @Test
  void check_rowsThatAreNotHere_isInconclusive() throws Exception {
    VerifiedArtifact artifact = shipped("credit-default/20261123");

    for (Path data : new Path[] {null, dir.resolve("absent.csv.gz")}) {
      GateResult result = check(artifact, data);
      assertThat(result.outcome()).isEqualTo(Outcome.inconclusive);
      assertThat(result.reasons().get(0)).contains("the snapshot is not here", "UCI");
    }
  }

  @Test
  void check_modelTrainedElsewhere_isInconclusive() throws Exception {
    VerifiedArtifact artifact = shipped("risk-score/20261123");
    Map<String, byte[]> reports = new HashMap<>(artifact.reports());
    ObjectNode run = (ObjectNode) JSON.readTree(reports.get("training_run.json"));
    reports.put("training_run.json", JSON.writeValueAsBytes(run.put("trainer", "external")));
    GateResult result =
        check(
            new VerifiedArtifact(
                artifact.manifest(),
                artifact.digest(),
                artifact.torchScript(),
                artifact.golden(),
                reports,
                null),
            null);

    assertThat(result.outcome()).isEqualTo(Outcome.inconclusive);
    assertThat(result.reasons().get(0)).contains("trained elsewhere");
  }
}
