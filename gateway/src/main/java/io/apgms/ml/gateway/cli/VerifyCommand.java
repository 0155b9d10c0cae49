package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.gates.GateRuns;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Policy;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "verify",
    description = {
      "Run the gates over the registry: pass, fail or inconclusive, with the reasons.",
      "Exit code 1 when any gate fails or is inconclusive."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service verify --gate integrity",
      "  bin/ml-service verify --model risk-score --version 20261123 --gate bias --details",
      "  bin/ml-service verify --candidates --model risk-score --version 20261125 \\",
      "      --evidence evidence.json"
    })
final class VerifyCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--model", description = "only this model")
  private @Nullable String model;

  @Option(names = "--version", description = "only this version")
  private @Nullable String version;

  @Option(
      names = "--gate",
      split = ",",
      description = "${COMPLETION-CANDIDATES}, repeatable (default: all)")
  private @Nullable List<Gate> gates;

  @Option(names = "--registry", description = "folder of artifacts (default: ML_REGISTRY_DIR)")
  private @Nullable Path registry;

  @Option(names = "--candidates", description = "the folder candidates/ beside the registry")
  private boolean candidates;

  @Option(
      names = "--data",
      description = "training rows of the model (default: where conf/policy.yaml says)")
  private @Nullable Path data;

  @Option(
      names = "--baseline",
      description = "version that smoke compares with (default: the newest one before)")
  private @Nullable String baseline;

  @Option(
      names = "--evidence",
      description = "write what the gates said of one version to this file, for its ticket")
  private @Nullable Path evidence;

  @Option(names = "--details", description = "print every figure, not only those that decide")
  private boolean details;

  @Option(names = "--json", description = "one JSON object a line")
  private boolean json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (evidence != null && (model == null || version == null)) {
      throw new Failure(
          Failure.USAGE, "--evidence is of one artifact, expected --model and --version");
    }
    if ((data != null || baseline != null) && model == null) {
      throw new Failure(Failure.USAGE, "--data and --baseline are of one model, expected --model");
    }
    Settings settings = Settings.read(MlService.home(), System.getenv());
    Policy policy = Policy.read(settings.registry().policy());
    Path root = root(settings);
    ArtifactStore store = Artifacts.store(settings, root);
    GateRuns.Options options = new GateRuns.Options(MlService.home(), root, data, baseline);
    List<Gate> asked = gates == null ? List.of(Gate.values()) : gates;
    boolean passed = true;
    int checked = 0;
    try (ConsoleProgress progress = new ConsoleProgress();
        GateRuns runs = new GateRuns(settings, policy, options, progress)) {
      for (String m : model == null ? store.models() : List.of(model)) {
        for (String v : version == null ? store.versions(m) : List.of(version)) {
          checked++;
          GateRuns.Checked said = runs.check(m, v, asked);
          progress.end();
          if (evidence != null) {
            write(evidence, said, policy);
          }
          for (GateResult result : said.results()) {
            passed &= result.outcome() == Outcome.pass;
            print(m, v, result);
          }
        }
      }
    }
    if (checked == 0) {
      throw new Failure(Failure.NO, "no artifact in the registry, expected at least one");
    }
    return passed ? 0 : Failure.NO;
  }

  private Path root(Settings settings) {
    if (registry != null) {
      return registry;
    }
    return candidates ? Artifacts.candidates(settings) : settings.registry().dir();
  }

  private static void write(Path file, GateRuns.Checked said, Policy policy) throws IOException {
    VerifiedArtifact artifact = said.artifact();
    if (artifact == null) {
      throw new Failure(Failure.NO, "no evidence: " + said.results().get(0).reasons().get(0));
    }
    GateEvidence document =
        new GateEvidence(
            artifact.manifest().model(),
            artifact.manifest().version(),
            artifact.digest(),
            policy.digest(),
            said.results());
    Files.write(file, document.toJson());
  }

  private void print(String m, String v, GateResult result) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("model", m);
      line.put("version", v);
      line.put("gate", result.gate());
      line.put("outcome", result.outcome());
      line.put("reasons", result.reasons());
      line.put("measured", result.measured());
      out.println(JSON.writeValueAsString(line));
    } else {
      String head = result.outcome() + " " + result.gate() + " " + m + "/" + v + " ";
      result.reasons().forEach(reason -> out.println(head + reason));
      if (details) {
        result.measured().forEach(figure -> out.println("    " + figure));
      }
    }
    out.flush();
  }
}
