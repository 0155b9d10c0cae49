package io.apgms.ml.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.signature.TrustFile;
import io.apgms.ml.scoring.TorchModel;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.SchemaReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShippedArtifactsTest {
  private static final Path MODELS = TestRuns.REPOSITORY.resolve("artifacts/models");
  private static final ArtifactStore STORE =
      ArtifactStore.trusting(
          MODELS,
          new TrustFile(TestRuns.REPOSITORY.resolve("conf/trust.json"), null),
          InstantSource.system());

  @TempDir Path folder;

  static List<String> shipped() {
    return STORE.models().stream()
        .flatMap(m -> STORE.versions(m).stream().map(v -> m + "/" + v))
        .toList();
  }

  @Test
  void shipped_twoVersionsOfEachModel() {
    assertThat(shipped())
        .contains(
            "risk-score/20261116",
            "risk-score/20261123",
            "credit-default/20261116",
            "credit-default/20261123");
  }

  @ParameterizedTest
  @MethodSource("shipped")
  void shipped_artifact_verifiesAndGivesItsGoldenScores(String name) {
    VerifiedArtifact artifact = load(name);
    Manifest manifest = artifact.manifest();
    try (TorchModel module = TorchModel.load(artifact.torchScript(), manifest.features().size())) {
      for (GoldenRow row : artifact.golden()) {
        float score = module.score(row.toTensor(manifest.features()), 1)[0];
        assertThat((double) score).isCloseTo(row.score(), within(1e-6));
      }
    }
    assertThat(artifact.golden().stream().map(r -> r.score() >= manifest.threshold()))
        .as("both recommendations occur")
        .contains(true, false);
  }

  @ParameterizedTest
  @MethodSource("shipped")
  void shipped_artifact_takesNoProtectedColumn(String name) throws IOException {
    ModelSchema schema =
        SchemaReader.parse(Files.readAllBytes(MODELS.resolve(name).resolve(RunFolder.SCHEMA)));

    assertThat(schema.protectedColumns()).isNotEmpty();
    assertThat(load(name).manifest().features().stream().map(Manifest.Feature::name))
        .doesNotContainAnyElementsOf(
            schema.protectedColumns().stream().map(ModelSchema.Protected::name).toList());
  }

  @ParameterizedTest
  @ValueSource(strings = {"risk-score", "credit-default"})
  void shipped_versions_shareOneSchemaAndDifferInScores(String model) {
    List<VerifiedArtifact> all =
        STORE.versions(model).stream().map(v -> STORE.load(model, v)).toList();

    assertThat(all.stream().map(a -> withoutBaselines(a.manifest().features())).distinct())
        .hasSize(1);
    List<Manifest.Feature> features = all.get(0).manifest().features();
    GoldenRow row = all.get(0).golden().get(3);
    List<Double> scores =
        all.stream()
            .map(
                a -> {
                  try (TorchModel m = TorchModel.load(a.torchScript(), features.size())) {
                    return (double) m.score(row.toTensor(features), 1)[0];
                  }
                })
            .toList();
    assertThat(Math.abs(scores.get(0) - scores.get(1))).isGreaterThan(0.0005);
  }

  @ParameterizedTest
  @ValueSource(strings = {"20261116", "20261123"})
  void reproduce_riskScore_givesTheShippedBytes(String version) {
    Training.Reproduction again =
        Training.reproduce(
            MODELS.resolve("risk-score").resolve(version), null, folder, false, Progress.silent());

    assertThat(again.matches()).as(again.toString()).isTrue();
  }

  private static VerifiedArtifact load(String name) {
    String[] parts = name.split("/", 2);
    return STORE.load(parts[0], parts[1]);
  }

  private static List<Manifest.Feature> withoutBaselines(List<Manifest.Feature> features) {
    return features.stream()
        .map(f -> new Manifest.Feature(f.name(), f.type(), f.min(), f.max(), f.nullable(), null))
        .toList();
  }
}
