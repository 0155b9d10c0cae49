package io.apgms.ml.training;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.SchemaReader;
import io.apgms.ml.training.report.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The files of one run, by fixed names; a packaged artifact holds the same ones. */
record RunFolder(Path path) {
  static final String MODEL = "model.pt";
  static final String SCHEMA = "schema.yaml";
  static final String RUN = "training_run.json";
  static final String SNAPSHOT = "snapshot.json";
  static final String EVALUATION = "evaluation.json";
  static final String BIAS = "bias_report.json";
  static final String CARD = "report.md";
  static final String NOTEBOOK = "evaluation.ipynb";

  boolean has(String name) {
    return Files.isRegularFile(path.resolve(name));
  }

  byte[] read(String name) {
    try {
      return Files.readAllBytes(path.resolve(name));
    } catch (IOException e) {
      throw new TrainingException.Run(
          name + " cannot be read in " + path.getFileName() + ", expected from an earlier step");
    }
  }

  void write(String name, byte[] bytes) {
    try {
      Files.createDirectories(path);
      Files.write(path.resolve(name), bytes);
    } catch (IOException e) {
      throw new TrainingException.Run(name + " cannot be written: " + e.getMessage());
    }
  }

  /** The run, once its schema and model are the ones it names. */
  TrainingRun run() {
    TrainingRun run = Json.read(read(RUN), TrainingRun.class, RUN);
    check(SCHEMA, run.schemaSha256());
    check(MODEL, run.modelSha256());
    return run;
  }

  ModelSchema schema() {
    return SchemaReader.parse(read(SCHEMA));
  }

  private void check(String name, String expected) {
    String actual = ArtifactStore.sha256(read(name));
    if (!actual.equals(expected)) {
      throw new TrainingException.Run(name + " has SHA-256 " + actual + ", expected " + expected);
    }
  }
}
