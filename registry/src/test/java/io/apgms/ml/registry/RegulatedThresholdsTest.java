package io.apgms.ml.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.RegulatedThresholds.Difference;
import java.util.List;
import org.junit.jupiter.api.Test;

class RegulatedThresholdsTest {
  private static final Manifest ACTIVE =
      ArtifactFixture.manifest("credit-default", "20261118", List.of());

  private static Manifest with(double threshold, List<Manifest.Feature> features) {
    return new Manifest(
        ACTIVE.model(),
        "20261125",
        List.of(),
        features,
        ACTIVE.scoreBaseline(),
        threshold,
        ACTIVE.slo(),
        ACTIVE.provenance());
  }

  private static Manifest.Feature ranged(Manifest.Feature f, double max, boolean nullable) {
    return new Manifest.Feature(f.name(), f.type(), f.min(), max, nullable, null);
  }

  @Test
  void between_sameThresholdAndFeatures_isEmpty() {
    assertThat(RegulatedThresholds.between(ACTIVE, with(0.65, ACTIVE.features()))).isEmpty();
  }

  @Test
  void between_otherThreshold_isNamed() {
    assertThat(RegulatedThresholds.between(ACTIVE, with(0.66, ACTIVE.features())))
        .containsExactly(new Difference("threshold", "0.65", "0.66"));
  }

  @Test
  void between_otherFeatures_areNamedEach() {
    Manifest.Feature age = ACTIVE.features().get(0);
    Manifest.Feature income = ACTIVE.features().get(1);
    Manifest.Feature fresh = ranged(age, 1, false);
    List<Manifest.Feature> changed =
        List.of(
            ranged(age, 121, false),
            new Manifest.Feature("new", fresh.type(), 0, 1, false, null),
            ranged(income, 1e9, false));
    assertThat(RegulatedThresholds.between(ACTIVE, with(0.65, changed)))
        .extracting(Difference::what)
        .containsExactly("feature age", "feature income", "feature new");
    assertThat(RegulatedThresholds.between(ACTIVE, with(0.65, List.of(age))))
        .containsExactly(new Difference("feature income", "number -5.5 to 1.0E9 or null", "none"));
  }

  @Test
  void between_otherOrder_isNamed() {
    List<Manifest.Feature> turned = List.of(ACTIVE.features().get(1), ACTIVE.features().get(0));
    assertThat(RegulatedThresholds.between(ACTIVE, with(0.65, turned)))
        .containsExactly(new Difference("feature order", "[age, income]", "[income, age]"));
  }

  @Test
  void between_nothingActive_isAChange() {
    assertThat(RegulatedThresholds.between(null, ACTIVE))
        .containsExactly(new Difference("model", "none", "first version, threshold 0.65"));
  }
}
