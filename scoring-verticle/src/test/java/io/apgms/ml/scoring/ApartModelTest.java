package io.apgms.ml.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.VerifiedArtifact;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ApartModelTest {
  private static VerifiedArtifact artifact() {
    return ArtifactStore.withoutSignatures(Path.of("../artifacts/models"))
        .load("risk-score", "20261123");
  }

  @Test
  void score_goldenRows_areTheirScores() {
    VerifiedArtifact artifact = artifact();
    try (ApartModel apart = ApartModel.load(artifact)) {
      List<GoldenRow> golden = artifact.golden();
      List<float[]> rows = new ArrayList<>();
      golden.forEach(g -> rows.add(g.toTensor(apart.model().features())));
      double[] scores = apart.score(rows);
      for (int i = 0; i < scores.length; i++) {
        assertThat(scores[i]).isCloseTo(golden.get(i).score(), within(2e-6));
      }
      assertThat(apart.score(List.of())).isEmpty();
    }
  }

  @Test
  void score_rowsOfAnotherSchema_haveNoScore() {
    try (ApartModel apart = ApartModel.load(artifact())) {
      assertThat(apart.score(List.of(new float[3]))).containsOnly(Double.NaN);
    }
  }

  /** It is in no runtime, so nothing that a request names leads to it. */
  @Test
  void load_besideARuntime_isNotInIt() {
    ScoringRuntime runtime = new ScoringRuntime(8, new SimpleMeterRegistry());
    try (ApartModel apart = ApartModel.load(artifact())) {
      assertThat(runtime.knows("risk-score")).isFalse();
      assertThat(runtime.loaded("risk-score", apart.model().version())).isNull();
    }
  }
}
