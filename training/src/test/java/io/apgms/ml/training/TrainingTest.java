package io.apgms.ml.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.Validity;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.training.data.Snapshot.Window;
import io.apgms.ml.training.report.Evaluation;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingTest {
  private static final Validity VALIDITY =
      new Validity("2026-11-23T00:00:00Z", "2028-11-23T00:00:00Z");

  @TempDir Path folder;

  @Test
  void train_sameSeedTwice_givesTheSameFiles() throws IOException {
    TestRuns.train(folder, "a", 7);
    TestRuns.train(folder, "b", 7);

    for (String name : List.of(RunFolder.MODEL, RunFolder.SCHEMA, RunFolder.RUN)) {
      assertThat(folder.resolve("a").resolve(name))
          .hasSameBinaryContentAs(folder.resolve("b").resolve(name));
    }
  }

  @Test
  void train_otherSeed_givesAnotherModel() throws IOException {
    assertThat(TestRuns.train(folder, "a", 7).modelSha256())
        .isNotEqualTo(TestRuns.train(folder, "b", 8).modelSha256());
  }

  @Test
  void train_inAnotherJvmWithOtherFlags_givesTheSameModel() throws Exception {
    String expected = TestRuns.train(folder, "a", 7).modelSha256();
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseParallelGC",
                "-Duser.timezone=Pacific/Auckland",
                "-Duser.language=ar",
                "-Duser.country=EG",
                "-Dfile.encoding=ISO-8859-1",
                "-Dai.djl.offline=true",
                "-cp",
                System.getProperty("java.class.path"),
                TestRuns.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .start();

    String printed = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(child.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(printed.strip()).endsWith(expected);
  }

  @Test
  void package_evaluatedRun_verifiesAndEveryFlippedByteIsRefused() throws IOException {
    TestRuns.train(folder, "run", 7);
    Evaluation evaluation = Training.evaluate(folder.resolve("run"), null, Progress.silent());
    Path root = folder.resolve("out");

    VerifiedArtifact artifact =
        Training.packageRun(folder.resolve("run"), "20261123", VALIDITY, root);

    assertThat(evaluation.crossValidation().foldAuc()).hasSize(5);
    assertThat(evaluation.crossValidation().overall().auc()).isGreaterThan(0.8);
    assertThat(artifact.golden()).hasSize(6);
    assertThat(artifact.manifest().validity()).isEqualTo(VALIDITY);
    assertThat(artifact.manifest().features()).hasSize(12);
    Path made = root.resolve("risk-score/20261123");
    List<String> canary = canary(made.resolve("canary.csv.gz"));
    assertThat(canary).hasSize(10_001);
    assertThat(canary.get(0)).startsWith("liquidity_ratio,").endsWith(",adverse_outcome");
    try (var files = Files.list(made)) {
      for (Path file : files.toList()) {
        flipIsRefused(root, file);
      }
    }
  }

  @Test
  void package_versionTaken_isRefused() throws IOException {
    TestRuns.train(folder, "run", 7);
    Training.evaluate(folder.resolve("run"), null, Progress.silent());
    Training.packageRun(folder.resolve("run"), "20261123", VALIDITY, folder);

    assertThatThrownBy(
            () -> Training.packageRun(folder.resolve("run"), "20261123", VALIDITY, folder))
        .isInstanceOf(TrainingException.Run.class)
        .hasMessageContaining("risk-score/20261123 is there already");
  }

  @Test
  void package_versionThatIsNone_isRefused() throws IOException {
    TestRuns.train(folder, "run", 7);

    assertThatThrownBy(() -> Training.packageRun(folder.resolve("run"), "../up", VALIDITY, folder))
        .isInstanceOf(TrainingException.Run.class)
        .hasMessageContaining("expected YYYYMMDD");
  }

  @Test
  void package_runNotEvaluated_isRefused() throws IOException {
    TestRuns.train(folder, "run", 7);

    assertThatThrownBy(
            () -> Training.packageRun(folder.resolve("run"), "20261123", VALIDITY, folder))
        .isInstanceOf(TrainingException.Run.class)
        .hasMessageContaining("evaluation.json");
  }

  @Test
  void evaluate_modelChangedSinceTraining_isRefused() throws IOException {
    TestRuns.train(folder, "run", 7);
    Files.write(folder.resolve("run/model.pt"), new byte[] {1});

    assertThatThrownBy(() -> Training.evaluate(folder.resolve("run"), null, Progress.silent()))
        .isInstanceOf(TrainingException.Run.class)
        .hasMessageContaining("model.pt has SHA-256");
  }

  @Test
  void reproduce_run_matches() throws IOException {
    TestRuns.train(folder, "run", 7);

    Training.Reproduction again =
        Training.reproduce(
            folder.resolve("run"), null, folder.resolve("again"), false, Progress.silent());

    assertThat(again.matches()).isTrue();
  }

  @Test
  void train_window_isRecordedAndChangesTheSnapshot() throws IOException {
    Path schema = TestRuns.smallSchema(folder);
    TrainOptions.Data rows = new TrainOptions.Data(null, new Window(100, 1100), false);
    TrainingRun run =
        Training.train(
            new TrainOptions(schema, rows, TestRuns.ORIGIN, 7L, folder.resolve("w")),
            Progress.silent());

    assertThat(run.snapshot().window()).isEqualTo(new Window(100, 1100));
    assertThat(run.snapshot().rows()).isEqualTo(1000);
    assertThat(run.snapshot().sha256())
        .isNotEqualTo(TestRuns.train(folder, "a", 7).snapshot().sha256());
  }

  @Test
  void train_withoutTheDataFile_saysWhereItIs() {
    TrainOptions options =
        new TrainOptions(
            TestRuns.REPOSITORY.resolve("conf/models/credit-default.yaml"),
            TrainOptions.Data.of(folder.resolve("absent.csv")),
            TestRuns.ORIGIN,
            null,
            folder.resolve("run"));

    assertThatThrownBy(() -> Training.train(options, Progress.silent()))
        .isInstanceOf(TrainingException.DataMissing.class)
        .hasMessageContaining("UCI Machine Learning Repository, Default of Credit Card Clients")
        .hasMessageContaining("77f3a581d92477f802c7feb16231e307d44eb871defcb0ff55479acc8352b4da");
  }

  @Test
  void origin_thatIsNoDigest_isRefused() {
    assertThatThrownBy(() -> new TrainOptions.Origin("0123abc", "latest"))
        .isInstanceOf(TrainingException.Run.class)
        .hasMessageContaining("'latest', expected sha256:");
    assertThatThrownBy(() -> new TrainOptions.Origin("HEAD", "sha256:" + "0".repeat(64)))
        .hasMessageContaining("git commit 'HEAD'");
  }

  private static void flipIsRefused(Path root, Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    // Every file by steps, so that each is flipped at its ends and some dozen places between.
    int step = Math.max(1, bytes.length / 12);
    for (int at = 0; at < bytes.length; at += step) {
      // In the manifest only what changes its meaning can be seen: its digest is pinned elsewhere.
      if (!file.endsWith("manifest.json") || at == 0) {
        byte[] flipped = bytes.clone();
        flipped[at] ^= 1;
        Files.write(file, flipped);
        assertThatThrownBy(
                () -> ArtifactStore.withoutSignatures(root).load("risk-score", "20261123"))
            .as("%s, byte %d", file.getFileName(), at)
            .isInstanceOf(RegistryException.class);
      }
    }
    Files.write(file, bytes);
  }

  private static List<String> canary(Path file) throws IOException {
    byte[] gzip = Files.readAllBytes(file);
    assertThat(new byte[] {gzip[4], gzip[5], gzip[6], gzip[7]}).containsOnly(0);
    try (var plain = new GZIPInputStream(new ByteArrayInputStream(gzip))) {
      return new String(plain.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }
}
