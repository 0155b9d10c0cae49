package io.apgms.ml.gateway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A risk-score schema that trains in seconds. */
final class SmallRun {
  private SmallRun() {}

  /** Writes the shipped schema with few rows and epochs. */
  static Path schema(Path folder) throws IOException {
    String yaml =
        Files.readString(RunningService.HOME.resolve("conf/models/risk-score.yaml"))
            .replace("rows: 24000", "rows: 1500")
            .replace("maxEpochs: 60", "maxEpochs: 4");
    return Files.writeString(folder.resolve("risk-score.yaml"), yaml);
  }
}
