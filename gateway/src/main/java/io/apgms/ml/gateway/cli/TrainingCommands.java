package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.gates.BuildDigest;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.training.TrainOptions;
import io.apgms.ml.training.Training;
import io.apgms.ml.training.TrainingRun;
import io.apgms.ml.training.data.Snapshot;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The retraining steps, one file-in, file-out command each. */
final class TrainingCommands {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TrainingCommands() {}

  @Command(
      name = "train",
      description = {
        "Train a model from a CSV file, or from the schema's generator.",
        "The same rows, schema and seed give the same model.pt on every machine."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service train --schema conf/models/risk-score.yaml --out run/",
        "  bin/ml-service train --schema conf/models/credit-default.yaml \\",
        "      --data credit_default.csv.gz --out run/"
      })
  static final class Train implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(names = "--schema", required = true, description = "conf/models/<model>.yaml")
    private Path schema = Path.of("");

    @Option(names = "--data", description = "CSV file, plain or gzip; left out for a generator")
    private @Nullable Path data;

    @Option(
        names = "--any-data",
        description = "take a file of another hash than the schema names: data of your own")
    private boolean anyData;

    @Option(
        names = "--window",
        description = "rows FROM:TO of the source, TO not among them (default: all)")
    private @Nullable String window;

    @Option(
        names = "--seed",
        description = "of splits, weights and batches (default: the schema's)")
    private @Nullable Long seed;

    @Option(names = "--out", required = true, description = "run folder")
    private Path out = Path.of("");

    @Option(names = "--json", description = "print the run as JSON")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      TrainOptions.Data rows = new TrainOptions.Data(data, window(), anyData);
      TrainOptions options = new TrainOptions(schema, rows, origin(), seed, out);
      try (ConsoleProgress progress = new ConsoleProgress()) {
        TrainingRun run = Training.train(options, progress);
        if (json) {
          spec.commandLine().getOut().println(JSON.writeValueAsString(run));
        } else {
          spec.commandLine()
              .getOut()
              .printf(
                  "%s trained on %d of %d rows, epochs %s, model.pt sha256 %s%nnext: bin/ml-service"
                      + " evaluate --run %s%n",
                  run.model(),
                  run.trainRows(),
                  run.snapshot().rows(),
                  run.epochs(),
                  run.modelSha256(),
                  out);
        }
      }
      return 0;
    }

    private Snapshot.@Nullable Window window() {
      if (window == null) {
        return null;
      }
      String[] ends = window.split(":", 2);
      try {
        return new Snapshot.Window(Integer.parseInt(ends[0]), Integer.parseInt(ends[1]));
      } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
        throw new Failure(Failure.USAGE, "--window '" + window + "', expected FROM:TO as 0:20000");
      }
    }
  }

  @Command(
      name = "evaluate",
      description = {
        "Measure a trained run: five-fold cross-validation, holdout, bias by protected group.",
        "Writes evaluation.json, bias_report.json, report.md and evaluation.ipynb beside it."
      },
      footer = {"", "Example:", "  bin/ml-service evaluate --run run/"})
  static final class Evaluate implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(names = "--run", required = true, description = "run folder of train")
    private Path run = Path.of("");

    @Option(names = "--data", description = "the same CSV file; left out for a generator")
    private @Nullable Path data;

    @Option(names = "--json", description = "print the evaluation as JSON")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      try (ConsoleProgress progress = new ConsoleProgress()) {
        var evaluation = Training.evaluate(run, data, progress);
        spec.commandLine()
            .getOut()
            .println(
                json
                    ? JSON.writeValueAsString(evaluation)
                    : "cross-validated AUC "
                        + evaluation.crossValidation().overall().auc()
                        + ", holdout AUC "
                        + evaluation.holdout().auc()
                        + "\nnext: bin/ml-service package --run "
                        + run
                        + " --version YYYYMMDD");
      }
      return 0;
    }
  }

  @Command(
      name = "package",
      description = {
        "Make an artifact folder of an evaluated run, with manifest, golden rows and canary set,",
        "and load it back as the service does. It is not signed yet: see sign."
      },
      footer = {"", "Example:", "  bin/ml-service package --run run/ --version 20261125"})
  static final class Pack implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(names = "--run", required = true, description = "evaluated run folder")
    private Path run = Path.of("");

    @Mixin private final CandidateOptions candidate = new CandidateOptions();

    @Override
    public Integer call() {
      candidate.require();
      VerifiedArtifact made =
          Training.packageRun(run, candidate.version(), candidate.validity(), candidate.root());
      spec.commandLine()
          .getOut()
          .printf(
              "%s %s packaged, digest %s%nnext: bin/ml-service sign --model %s --version %s%n",
              made.manifest().model(),
              made.manifest().version(),
              made.digest(),
              made.manifest().model(),
              made.manifest().version());
      return 0;
    }
  }

  /** Who trains: the commit and the build. */
  static TrainOptions.Origin origin() throws IOException {
    return new TrainOptions.Origin(gitCommit(), buildDigest());
  }

  /** The commit of the checkout that trains; a build without one cannot say where it came from. */
  private static String gitCommit() throws IOException {
    Process git =
        new ProcessBuilder("git", "rev-parse", "HEAD")
            .directory(MlService.home().toFile())
            .redirectErrorStream(true)
            .start();
    String commit = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (git.waitFor(10, TimeUnit.SECONDS) && git.exitValue() == 0) {
        return commit.strip();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw new Failure(
        Failure.UNAVAILABLE, "no git commit to name as provenance, expected a git checkout");
  }

  private static String buildDigest() throws IOException {
    try {
      Path jar =
          Path.of(MlService.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (Files.isRegularFile(jar)) {
        return BuildDigest.of(jar);
      }
    } catch (URISyntaxException e) {
      // told below
    }
    throw new Failure(Failure.UNAVAILABLE, "not run from the jar, expected bin/ml-service");
  }
}
