package io.apgms.ml.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BackgroundTest {
  private static final int ROWS = 20_000;

  private static float[] drawn(FeatureType type, double min, double max, Histogram histogram) {
    Feature feature = new Feature("x", type, min, max, true, histogram);
    List<GoldenRow> golden = List.of(new GoldenRow(Map.of("x", 7.0), 0.5));
    return Background.rows(List.of(feature), golden, ROWS, new Random(1));
  }

  private static double share(float[] values, double above, double upTo) {
    int in = 0;
    for (float value : values) {
      in += value > above && value <= upTo ? 1 : 0;
    }
    return (double) in / values.length;
  }

  @Test
  void rows_ofANumber_fallIntoItsBinsByTheirCounts() {
    Histogram histogram = new Histogram(List.of(1.0, 2.0, 4.0), List.of(10L, 20L, 30L, 30L), 10);
    float[] values = drawn(FeatureType.number, 0.5, 1_000_000, histogram);
    assertThat(share(values, 0.499, 1)).isCloseTo(0.1, within(0.01));
    assertThat(share(values, 1, 2)).isCloseTo(0.2, within(0.01));
    assertThat(share(values, 2, 4)).isCloseTo(0.3, within(0.01));
    assertThat(share(values, 4, 6)).as("as wide as its neighbour").isCloseTo(0.3, within(0.01));
    int missing = 0;
    for (float value : values) {
      missing += Float.isNaN(value) ? 1 : 0;
    }
    assertThat((double) missing / ROWS).isCloseTo(0.1, within(0.01));
  }

  @Test
  void rows_ofAnInteger_areWholeAndWithinTheirRange() {
    Histogram histogram = new Histogram(List.of(-2.0, 0.0, 2.0), List.of(1L, 1L, 1L, 1L), 0);
    Set<Float> values = new HashSet<>();
    for (float value : drawn(FeatureType.integer, -2, 3, histogram)) {
      values.add(value);
    }
    assertThat(values).containsExactlyInAnyOrder(-2f, -1f, 0f, 1f, 2f, 3f);
  }

  @Test
  void rows_ofOneEdge_useTheRange() {
    Histogram flag = new Histogram(List.of(0.0), List.of(3L, 1L), 0);
    float[] values = drawn(FeatureType.integer, 0, 1, flag);
    assertThat(share(values, -1, 0)).isCloseTo(0.75, within(0.01));
    assertThat(share(values, 0, 1)).isCloseTo(0.25, within(0.01));
  }

  @Test
  void rows_withoutAHistogramThatSaysAnything_areOfTheGoldenRows() {
    Histogram noEdges = new Histogram(List.of(), List.of(100L), 0);
    assertThat(drawn(FeatureType.number, 0, 10, null)).containsOnly(7);
    assertThat(drawn(FeatureType.number, 0, 10, noEdges)).containsOnly(7);
  }

  @EachShippedArtifact
  void rows_ofAShippedArtifact_areWithinItsSchema(String model, String version) {
    VerifiedArtifact artifact = TestModels.shipped(model, version);
    List<Feature> features = artifact.manifest().features();
    float[] rows = Background.rows(features, artifact.golden(), 1_000, new Random(1));
    for (int i = 0; i < rows.length; i++) {
      Feature feature = features.get(i % features.size());
      assertThat(feature.baseline()).isNotNull();
      if (Float.isNaN(rows[i])) {
        assertThat(feature.nullable()).as(feature.name()).isTrue();
      } else {
        assertThat((double) rows[i]).as(feature.name()).isBetween(feature.min(), feature.max());
        assertThat(feature.type() == FeatureType.number || rows[i] == Math.rint(rows[i])).isTrue();
      }
    }
  }
}
