package io.apgms.ml.scoring;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.VerifiedArtifact;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** The shipped artifacts, and made-up ones. */
final class TestModels {
  static final String RISK = "risk-score";
  static final String CREDIT = "credit-default";
  static final String OLD = "20261116";
  static final String NEW = "20261123";
  static final String TINY = "tiny";
  static final int BATCH_ROWS = 64;

  /** Gives its one feature back as the score. */
  static final String IDENTITY = "return torch.select(input, 1, 0)";

  private static final ArtifactStore STORE =
      ArtifactStore.withoutSignatures(Path.of("../artifacts/models"));
  private static final Histogram NO_BASELINE = new Histogram(List.of(), List.of(0L), 0);

  private TestModels() {}

  static ScoringRuntime runtime() {
    return new ScoringRuntime(BATCH_ROWS, new SimpleMeterRegistry());
  }

  static VerifiedArtifact shipped(String model, String version) {
    return STORE.load(model, version);
  }

  /** The same module under another version. */
  static VerifiedArtifact renamed(VerifiedArtifact from, String version) {
    Manifest m = from.manifest();
    Manifest other =
        new Manifest(
            m.model(),
            version,
            m.files(),
            m.features(),
            m.scoreBaseline(),
            m.threshold(),
            m.slo(),
            m.provenance());
    return new VerifiedArtifact(other, from.digest(), from.torchScript(), from.golden());
  }

  static VerifiedArtifact withBytes(VerifiedArtifact from, byte[] torchScript) {
    return new VerifiedArtifact(from.manifest(), from.digest(), torchScript, from.golden());
  }

  static VerifiedArtifact withGolden(VerifiedArtifact from, List<GoldenRow> golden) {
    return new VerifiedArtifact(from.manifest(), from.digest(), from.torchScript(), golden);
  }

  /** A model of one feature whose golden row says that 0.25 scores 0.25. */
  static VerifiedArtifact tiny(String version, String... forward) {
    Manifest like = shipped(RISK, OLD).manifest();
    Manifest manifest =
        new Manifest(
            TINY,
            version,
            List.of(),
            List.of(new Feature("x", FeatureType.number, 0, 1, true, NO_BASELINE)),
            NO_BASELINE,
            0.5,
            like.slo(),
            like.provenance());
    List<GoldenRow> golden = List.of(new GoldenRow(Map.of("x", 0.25), 0.25));
    return new VerifiedArtifact(manifest, "sha256:0", TinyModule.forward(forward), golden);
  }

  /** Random rows within the ranges, row after row, a fifth of the nullable values missing. */
  static float[] rows(List<Feature> features, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] rows = new float[count * features.size()];
    for (int i = 0; i < rows.length; i++) {
      Feature feature = features.get(i % features.size());
      double value = feature.min() + random.nextDouble() * (feature.max() - feature.min());
      boolean missing = feature.nullable() && random.nextInt(5) == 0;
      rows[i] =
          missing
              ? Float.NaN
              : (float) (feature.type() == FeatureType.integer ? Math.rint(value) : value);
    }
    return rows;
  }

  /** Rounded as served, scored one by one. */
  static double[] scores(LoadedModel loaded, float[] rows) {
    int width = loaded.served().features().size();
    double[] scores = new double[rows.length / width];
    for (int i = 0; i < scores.length; i++) {
      float[] row = java.util.Arrays.copyOfRange(rows, i * width, (i + 1) * width);
      scores[i] = ScoringRuntime.rounded(loaded.torch().score(row, 1)[0]);
    }
    return scores;
  }
}
