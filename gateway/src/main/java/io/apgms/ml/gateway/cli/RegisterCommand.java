package io.apgms.ml.gateway.cli;

import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.training.TrainOptions;
import io.apgms.ml.training.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "register",
    description = {
      "Make a candidate of a TorchScript file that was trained elsewhere, by PyTorch say: float32",
      "[n, features] in the schema's order in, probabilities [n] or [n, 1] out. It is measured on",
      "labelled rows that it has not seen. Nobody here can train it again: its reproducibility is",
      "inconclusive and needs a waiver."
    },
    footer = {
      "",
      "Example:",
      "  bin/ml-service register --schema loans.yaml --model-file model.pt \\",
      "      --data held_out.csv.gz --version 20261125"
    })
final class RegisterCommand implements Callable<Integer> {
  private static final long MAX_BYTES = 256L << 20;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--schema", required = true, description = "its columns, as conf/models/*.yaml")
  private Path schema = Path.of("");

  @Option(names = "--model-file", required = true, description = "TorchScript file")
  private Path modelFile = Path.of("");

  @Option(
      names = "--data",
      description = "labelled rows that it has not seen, CSV; left out for a generator")
  private @Nullable Path data;

  @Mixin private final CandidateOptions candidate = new CandidateOptions();

  @Option(names = "--run", required = true, description = "folder for what was measured")
  private Path run = Path.of("");

  @Override
  public Integer call() throws IOException {
    candidate.require();
    if (!Files.isRegularFile(modelFile) || Files.size(modelFile) > MAX_BYTES) {
      throw new Failure(
          Failure.USAGE,
          "--model-file " + modelFile.getFileName() + ", expected a file of at most 256 MiB");
    }
    Training.register(
        Files.readAllBytes(modelFile),
        new TrainOptions(
            schema, new TrainOptions.Data(data, null, true), TrainingCommands.origin(), null, run));
    VerifiedArtifact made =
        Training.packageRun(run, candidate.version(), candidate.validity(), candidate.root());
    String model = made.manifest().model();
    String version = candidate.version();
    spec.commandLine()
        .getOut()
        .printf(
            "%s %s registered, digest %s%nnext: bin/ml-service sign --model %s --version %s%n",
            model, version, made.digest(), model, version);
    return 0;
  }
}
