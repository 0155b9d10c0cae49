package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.gates.GateRuns;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.gate.Policy;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "reproduce",
    description = {
      "Train a version again from the commit and the snapshot that its training_run.json names, in",
      "a clean clone, and compare weights, metrics and the trainer's digest. Takes minutes.",
      "Exit code 0 for the same bits, 1 for anything else."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service reproduce --tag risk-score_20261123",
      "  bin/ml-service reproduce --tag credit-default_20261123 --data credit_default.csv.gz"
    })
final class ReproduceCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--tag", required = true, description = "<model>_<version>")
  private String tag = "";

  @Option(names = "--data", description = "training rows (default: where conf/policy.yaml says)")
  private @Nullable Path data;

  @Option(names = "--candidates", description = "the folder candidates/ beside the registry")
  private boolean candidates;

  @Override
  public Integer call() throws IOException, InterruptedException {
    int at = tag.lastIndexOf('_');
    if (at < 0 || !Names.isModel(tag.substring(0, at)) || !Names.isVersion(tag.substring(at + 1))) {
      throw new Failure(
          Failure.USAGE, "--tag '" + tag + "', expected <model>_<version> as risk-score_20261123");
    }
    Settings settings = Settings.read(MlService.home(), System.getenv());
    Path root = candidates ? Artifacts.candidates(settings) : settings.registry().dir();
    GateRuns.Options options = new GateRuns.Options(MlService.home(), root, data, null);
    Policy policy = Policy.read(settings.registry().policy());
    boolean same = true;
    try (ConsoleProgress progress = new ConsoleProgress();
        GateRuns runs = new GateRuns(settings, policy, options, progress)) {
      List<Gate> gates = List.of(Gate.integrity, Gate.reproducibility);
      for (GateResult result :
          runs.check(tag.substring(0, at), tag.substring(at + 1), gates).results()) {
        same &= result.outcome() == Outcome.pass;
        progress.end();
        for (String reason : result.reasons()) {
          spec.commandLine()
              .getOut()
              .println(result.outcome() + " " + result.gate() + " " + tag + " " + reason);
        }
      }
    }
    spec.commandLine().getOut().flush();
    return same ? 0 : Failure.NO;
  }
}
