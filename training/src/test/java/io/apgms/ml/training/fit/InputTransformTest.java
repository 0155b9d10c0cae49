package io.apgms.ml.training.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.training.fit.InputTransform.Lane;
import java.util.List;
import org.junit.jupiter.api.Test;

class InputTransformTest {
  private static final Lane LANE =
      new Lane(new float[] {0, 10}, new double[] {-1, 1}, true, List.of(3, 5), -100);

  @Test
  void score_betweenKnots_isLinearAndFlatOutside() {
    assertThat(LANE.score(2.5)).isEqualTo(-0.5);
    assertThat(LANE.score(-50)).isEqualTo(-1);
    assertThat(LANE.score(50)).isEqualTo(1);
  }

  @Test
  void apply_code_setsItsInput() {
    assertThat(apply(5f)).containsExactly(0, 0, 0, 1);
    assertThat(apply(4f)[0]).isCloseTo(-0.2, within(1e-12));
    assertThat(apply(4f)).endsWith(0, 0, 0);
  }

  @Test
  void apply_missing_setsOnlyTheIndicator() {
    assertThat(apply(Float.NaN)).containsExactly(0, 1, 0, 0);
  }

  @Test
  void normalQuantile_knownValues() {
    assertThat(NormalQuantile.of(0.975)).isCloseTo(1.959963985, within(5e-9));
    assertThat(NormalQuantile.of(0.001)).isCloseTo(-3.090232306, within(5e-9));
    assertThat(NormalQuantile.of(0.5)).isZero();
    assertThat(NormalScores.share(1.959963985)).isCloseTo(0.975, within(1e-8));
  }

  private static double[] apply(float value) {
    InputTransform transform = InputTransform.of(List.of(LANE), List.of());
    double[] out = new double[transform.width()];
    transform.apply(new float[] {value}, 0, out, 0);
    return out;
  }
}
