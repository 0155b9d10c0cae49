package io.apgms.ml.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.training.data.LabelledCase;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.SnapshotRecord;
import io.apgms.ml.training.data.SnapshotWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotFileTest {
  private static final SnapshotWriter.Labels WEEK =
      new SnapshotWriter.Labels(
          Instant.parse("2026-11-17T00:00:00Z"), Instant.parse("2026-11-24T00:00:00Z"));

  @TempDir Path folder;
  private Path schema;

  @BeforeEach
  void schema() throws IOException {
    schema = TestRuns.smallSchema(folder);
  }

  private SnapshotRecord snapshot(String out, SnapshotOptions.Store store) {
    return Training.snapshot(
        new SnapshotOptions(schema, TrainOptions.Data.of(null), WEEK, "drift", folder.resolve(out)),
        store);
  }

  private Path file(String out, SnapshotRecord made) {
    return folder.resolve(out).resolve(made.sha256() + ".csv.gz");
  }

  private static List<String> lines(Path file) throws IOException {
    return new String(plain(file), StandardCharsets.UTF_8).lines().toList();
  }

  private static byte[] plain(Path file) throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      return in.readAllBytes();
    }
  }

  private static LabelledCase decision(ModelSchema schema, float value, String sex) {
    Map<String, Float> inputs = new HashMap<>();
    schema.features().forEach(f -> inputs.put(f.name(), 0f));
    inputs.put("liquidity_ratio", value);
    inputs.put("payroll_to_revenue", Float.NaN);
    return new LabelledCase(inputs, Map.of("owner_sex", sex, "owner_age", "41"), true);
  }

  @Test
  void snapshot_withLabels_isNamedByItsBytesAndHoldsNoId() throws IOException {
    SnapshotRecord made =
        snapshot("s", (schema, to) -> to.labelled(decision(schema, 0.1f, "female")));

    assertThat(ArtifactStore.sha256(plain(file("s", made)))).isEqualTo(made.sha256());
    List<String> lines = lines(file("s", made));
    assertThat(lines).hasSize(1502);
    assertThat(lines.get(0))
        .startsWith("liquidity_ratio,")
        .endsWith("adverse_outcome,owner_sex,owner_age,region,true_probability")
        .doesNotContain("case_id");
    assertThat(lines.get(1501)).isEqualTo("0.1,0,0,0,0,,0,0,0,0,0,0,1,female,41,,");
    assertThat(made.rows()).isEqualTo(1501);
    assertThat(made.store().rows()).isEqualTo(1);
    assertThat(made.store().positives()).isEqualTo(1);
    assertThat(made.summary())
        .contains("1500 of the generator risk-score", "1 labelled decisions from 2026-11-17");
    assertThat(folder.resolve("s")).isDirectoryNotContaining("glob:**.draft");
  }

  @Test
  void snapshot_sameRowsTwice_isTheSameFile() {
    SnapshotOptions.Store store = (schema, to) -> to.labelled(decision(schema, 3, "male"));

    assertThat(snapshot("a", store).sha256()).isEqualTo(snapshot("b", store).sha256());
    assertThat(snapshot("c", (schema, to) -> {}).sha256())
        .isNotEqualTo(snapshot("a", store).sha256());
  }

  @Test
  void snapshot_whatTheCallerWroteAsGroup_staysOnlyWhereABandNamesIt() throws IOException {
    SnapshotRecord made =
        snapshot("s", (schema, to) -> to.labelled(decision(schema, 1, "Ann Example")));

    assertThat(lines(file("s", made)).get(1501)).isEqualTo("1,0,0,0,0,,0,0,0,0,0,0,1,,41,,");
  }

  @Test
  void snapshot_decisionThatTheSchemaCannotTake_isLeftOutAndCounted() {
    SnapshotRecord made =
        snapshot(
            "s",
            (schema, to) -> {
              to.labelled(decision(schema, 11, "male"));
              to.labelled(decision(schema, Float.NaN, "male"));
              to.labelled(new LabelledCase(Map.of(), Map.of(), false));
            });

    assertThat(made.rows()).isEqualTo(1500);
    assertThat(made.store().leftOut())
        .containsExactly(Map.entry("without a liquidity_ratio that the schema takes", 3));
    assertThat(made.summary()).contains("the standing set alone", "left out");
  }

  @Test
  void snapshot_anyFloat_isReadBackAsItWas() throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    float[] values = new float[2000];
    for (int i = 0; i < values.length; i++) {
      values[i] = i == 0 ? Float.MIN_VALUE : (float) (random.nextDouble() * 10);
    }
    SnapshotRecord made =
        snapshot(
            "s",
            (schema, to) -> {
              for (float value : values) {
                to.labelled(decision(schema, value, "male"));
              }
            });

    List<String> lines = lines(file("s", made));
    for (int i = 0; i < values.length; i++) {
      String cell = lines.get(1501 + i).split(",", 2)[0];
      assertThat((float) Double.parseDouble(cell)).isEqualTo(values[i]);
    }
  }

  @Test
  void train_onASnapshot_recordsItAndReproduces() {
    SnapshotRecord made = snapshot("s", (schema, to) -> to.labelled(decision(schema, 1, "male")));
    Path file = file("s", made);
    TrainingRun run =
        Training.train(
            new TrainOptions(
                schema,
                new TrainOptions.Data(file, null, false),
                TestRuns.ORIGIN,
                7L,
                folder.resolve("run")),
            Progress.silent());

    assertThat(run.snapshot().sha256()).isEqualTo(made.sha256());
    assertThat(folder.resolve("run/snapshot.json"))
        .hasSameBinaryContentAs(folder.resolve("s").resolve(made.sha256() + ".json"));
    assertThat(
            Training.reproduce(
                    folder.resolve("run"), file, folder.resolve("again"), false, Progress.silent())
                .matches())
        .isTrue();
    assertThat(Training.evaluate(folder.resolve("run"), file, Progress.silent()).holdout().auc())
        .isGreaterThan(0.7);
  }

  @Test
  void train_standingSetAlone_givesTheModelOfItsSource() throws IOException {
    SnapshotRecord made = snapshot("s", (schema, to) -> {});
    TrainingRun fromFile =
        Training.train(
            new TrainOptions(
                schema,
                new TrainOptions.Data(file("s", made), null, false),
                TestRuns.ORIGIN,
                7L,
                folder.resolve("run")),
            Progress.silent());

    assertThat(fromFile.modelSha256())
        .isEqualTo(TestRuns.train(folder, "generated", 7).modelSha256());
  }

  @Test
  void train_onASnapshotThatWasAltered_isRefused() throws IOException {
    SnapshotRecord made = snapshot("s", (schema, to) -> {});
    Path file = file("s", made);
    String altered =
        new String(plain(file), StandardCharsets.UTF_8).replaceFirst(",1,(f|m)", ",0,$1");
    try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(altered.getBytes(StandardCharsets.UTF_8));
    }

    assertThatThrownBy(
            () ->
                Training.train(
                    new TrainOptions(
                        schema,
                        new TrainOptions.Data(file, null, true),
                        TestRuns.ORIGIN,
                        7L,
                        folder.resolve("run")),
                    Progress.silent()))
        .isInstanceOf(TrainingException.Data.class)
        .hasMessageContaining("expected " + made.sha256() + " as its name says");
  }
}
