package io.apgms.ml.gateway.gates;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.gates.ServiceUnderTest.Answer;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.registry.gate.SmokeGate;
import io.apgms.ml.registry.gate.SmokeGate.Baseline;
import io.apgms.ml.registry.gate.SmokeGate.Figures;
import io.apgms.ml.registry.gate.SmokeGate.Golden;
import io.apgms.ml.training.Progress;
import io.apgms.ml.training.data.CanaryRows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Serves a version, and the one it is compared with, by the packaged service and scores the canary
 * over HTTP, one row after the other: each is scored alone, so the same scores come back each time.
 */
final class SmokeRun {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PROGRESS_ROWS = 50;

  private final Path home;
  private final Settings settings;
  private final Policy policy;
  private final Progress progress;

  /** A version's folder, and what the store made of it. */
  record Version(Path folder, VerifiedArtifact artifact) {
    String model() {
      return artifact.manifest().model();
    }

    String version() {
      return artifact.manifest().version();
    }
  }

  SmokeRun(Path home, Settings settings, Policy policy, Progress progress) {
    this.home = home;
    this.settings = settings;
    this.policy = policy;
    this.progress = progress;
  }

  /**
   * Measures and judges.
   *
   * @param baseline what it is compared with; null for the commoner outcome
   */
  GateResult check(Version candidate, @Nullable Version baseline, List<CanaryRows.Row> canary)
      throws IOException, InterruptedException {
    try (Scratch scratch = Scratch.create()) {
      Path registry = scratch.path().resolve("models");
      copy(candidate, registry);
      if (baseline != null) {
        copy(baseline, registry);
      }
      try (ServiceUnderTest service =
          ServiceUnderTest.start(home, settings, registry, scratch.path())) {
        require(service, candidate);
        Scored scored = score(service, candidate, canary);
        return SmokeGate.check(
            new Figures(
                scored.latenciesMs(),
                scored.refused(),
                scored.right(),
                against(service, baseline, canary),
                golden(service, candidate)),
            policy.smoke());
      }
    } catch (Child.Failed e) {
      return new GateResult(Gate.smoke, Outcome.fail, List.of(String.valueOf(e.getMessage())));
    }
  }

  private static void copy(Version version, Path registry) throws IOException {
    Path to = registry.resolve(version.model()).resolve(version.version());
    Files.createDirectories(to);
    try (var files = Files.newDirectoryStream(version.folder())) {
      for (Path file : files) { // the service checks them again as it loads them
        Files.copy(file, to.resolve(String.valueOf(file.getFileName())));
      }
    }
  }

  private static void require(ServiceUnderTest service, Version version)
      throws IOException, InterruptedException, Child.Failed {
    if (!service.loads(version.model(), version.version())) {
      throw new Child.Failed(
          "the service does not load " + version.model() + "/" + version.version());
    }
  }

  private Baseline against(
      ServiceUnderTest service, @Nullable Version baseline, List<CanaryRows.Row> canary)
      throws IOException, InterruptedException, Child.Failed {
    if (baseline == null) {
      long positive = canary.stream().filter(CanaryRows.Row::positive).count();
      return new Baseline(
          "the commoner outcome (there is no earlier version)",
          Math.max(positive, canary.size() - positive));
    }
    require(service, baseline);
    return new Baseline(
        "the baseline " + baseline.version(), score(service, baseline, canary).right());
  }

  private record Scored(List<Double> latenciesMs, List<String> refused, long right) {}

  private Scored score(ServiceUnderTest service, Version version, List<CanaryRows.Row> canary)
      throws IOException, InterruptedException {
    List<Double> latenciesMs = new ArrayList<>();
    List<String> refused = new ArrayList<>();
    long right = 0;
    for (CanaryRows.Row row : canary) {
      long begun = System.nanoTime();
      Answer answer = service.score(body(version, row.inputs()));
      double tookMs = (System.nanoTime() - begun) / 1e6;
      String recommendation = answer.body().path("recommendation").asText();
      if (answer.status() != 200
          || !answer.body().path("modelVersion").asText().equals(version.version())) {
        refused.add("answer " + answer.status() + ": " + answer.body());
      } else {
        latenciesMs.add(tookMs);
        right += recommendation.equals(row.positive() ? "review" : "allow") ? 1 : 0;
      }
      int done = latenciesMs.size() + refused.size();
      if (done % PROGRESS_ROWS == 0) {
        progress.report("smoke " + version.version(), done, canary.size());
      }
    }
    return new Scored(latenciesMs, refused, right);
  }

  private static List<Golden> golden(ServiceUnderTest service, Version version)
      throws IOException, InterruptedException {
    List<Golden> out = new ArrayList<>();
    for (GoldenRow row : version.artifact().golden()) {
      Answer answer = service.score(body(version, row.inputs()));
      out.add(new Golden(row.score(), answer.body().path("score").asDouble(Double.NaN)));
    }
    return out;
  }

  private static String body(Version version, Map<String, @Nullable Double> inputs) {
    ObjectNode body = JSON.createObjectNode();
    body.put("modelId", version.model()).put("modelVersion", version.version());
    ObjectNode cells = body.putObject("inputs");
    inputs.forEach(
        (name, value) -> {
          if (value != null && value == Math.rint(value)) {
            cells.put(name, value.longValue());
          } else {
            cells.put(name, value);
          }
        });
    return body.toString();
  }
}
