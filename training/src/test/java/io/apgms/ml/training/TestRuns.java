package io.apgms.ml.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Small runs of the shipped schemas. */
final class TestRuns {
  static final Path REPOSITORY = Path.of("..");
  static final TrainOptions.Origin ORIGIN =
      new TrainOptions.Origin("0123abc", "sha256:" + "0".repeat(64));

  private TestRuns() {}

  /** The shipped risk-score schema with few rows and epochs. */
  static Path smallSchema(Path folder) throws IOException {
    String yaml =
        Files.readString(REPOSITORY.resolve("conf/models/risk-score.yaml"))
            .replace("rows: 24000", "rows: 1500")
            .replace("maxEpochs: 60", "maxEpochs: 4");
    return Files.writeString(folder.resolve("risk-score.yaml"), yaml);
  }

  static TrainingRun train(Path folder, String out, long seed) throws IOException {
    Path schema = smallSchema(folder);
    return Training.train(
        new TrainOptions(schema, TrainOptions.Data.of(null), ORIGIN, seed, folder.resolve(out)),
        Progress.silent());
  }

  /** Trains in a JVM of its own and prints the model's SHA-256. */
  public static void main(String[] arguments) throws IOException {
    System.out.println(train(Path.of(arguments[0]), "child", 7).modelSha256());
  }
}
