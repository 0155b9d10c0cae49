package io.apgms.ml.gateway;

import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.gate.Policy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A registry and a git repository of a test's own, so that promotions leave the project alone. */
final class ApprovalRun {
  final Path models;
  final Path candidates;
  final Path git;
  private final Path policy;
  private final Path dir;

  /** The SLO's bound of the models it trains. */
  int latencyMs = 250;

  ApprovalRun(Path dir) throws IOException, InterruptedException {
    this.dir = dir;
    this.models = dir.resolve("registry/models");
    this.candidates = dir.resolve("registry/candidates");
    this.policy = policy(dir);
    this.git = dir.resolve("repository/.git");
    copy(RunningService.HOME.resolve("artifacts/models"), models);
    git("init", "-q", dir.resolve("repository").toString());
    git(
        "-C",
        dir.resolve("repository").toString(),
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.org",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "trainer");
  }

  /** The shipped policy, but for limits of bias that a model of few rows cannot meet. */
  static Path policy(Path dir) throws IOException {
    String yaml =
        Files.readString(RunningService.HOME.resolve("conf/policy.yaml"))
            .replaceAll("maxDelta: [0-9.]+", "maxDelta: 1")
            .replaceAll("minGroupRows: [0-9]+", "minGroupRows: 1")
            .replaceAll("minRateRows: [0-9]+", "minRateRows: 1")
            .replaceAll("minSelection: [0-9.]+", "minSelection: 0");
    return Files.writeString(dir.resolve("policy.yaml"), yaml);
  }

  /** Where the service and the commands find them. */
  Map<String, String> environment() {
    return Map.of(
        "ML_REGISTRY_DIR",
        models.toString(),
        "ML_POLICY_FILE",
        policy.toString(),
        "GIT_DIR",
        git.toString(),
        "ML_DATABASE_TIMEOUT_MS",
        "5000");
  }

  String tags() throws IOException, InterruptedException {
    return git("--git-dir", git.toString(), "tag", "--list");
  }

  String head() throws IOException, InterruptedException {
    return git("--git-dir", git.toString(), "rev-parse", "HEAD");
  }

  /** Trains, evaluates, packages and signs a small model; the digest of its manifest. */
  String candidate(RunningService service, String version) throws Exception {
    String run = dir.resolve("run").toString();
    if (!Files.exists(dir.resolve("run"))) {
      Path schema = SmallRun.schema(dir);
      String yaml = Files.readString(schema);
      Files.writeString(schema, yaml.replace("latencyMs: 250", "latencyMs: " + latencyMs));
      service.run(Map.of(), 0, "train", "--schema", schema.toString(), "--out", run);
      service.run(Map.of(), 0, "evaluate", "--run", run);
    }
    String said = service.run(Map.of(), 0, "package", "--run", run, "--version", version);
    service.run(Map.of(), 0, "sign", "--model", "risk-score", "--version", version);
    return said.substring(said.indexOf("sha256:"), said.indexOf("sha256:") + 71);
  }

  /** Evidence in which every gate passes but smoke, which is as said. */
  Path evidence(String version, String digest, Outcome smoke) throws IOException {
    List<GateResult> results = new ArrayList<>();
    for (Gate gate : Gate.values()) {
      results.add(
          new GateResult(gate, gate == Gate.smoke ? smoke : Outcome.pass, List.of("measured")));
    }
    byte[] document =
        new GateEvidence("risk-score", version, digest, Policy.read(policy).digest(), results)
            .toJson();
    return Files.write(dir.resolve("evidence-" + version + "-" + smoke + ".json"), document);
  }

  private static String git(String... arguments) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of("git"));
    words.addAll(List.of(arguments));
    Process p = new ProcessBuilder(words).redirectErrorStream(true).start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (!p.waitFor(20, TimeUnit.SECONDS) || p.exitValue() != 0) {
      throw new AssertionError(words + ": " + out);
    }
    return out;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path source : all.toList()) {
        Path target = to.resolve(from.relativize(source).toString());
        if (Files.isDirectory(source)) {
          Files.createDirectories(target);
        } else {
          Files.copy(source, target);
        }
      }
    }
  }
}
