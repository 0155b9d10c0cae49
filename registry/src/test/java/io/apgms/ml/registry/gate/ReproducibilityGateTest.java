package io.apgms.ml.registry.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.gate.ReproducibilityGate.Comparison;
import io.apgms.ml.registry.gate.ReproducibilityGate.Difference;
import io.apgms.ml.registry.gate.ReproducibilityGate.Digests;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReproducibilityGateTest {
  private static final Difference SAME = new Difference(true, 0);
  private static final Digests BUILD = new Digests("sha256:aa", "sha256:aa");

  private static GateResult check(Difference weights, Difference metrics, Digests digests) {
    return ReproducibilityGate.check(
        new Comparison("0123abc", weights, metrics, SAME, digests),
        new Policy.Reproducibility(1e-5));
  }

  @Test
  void check_sameBits_passesNamingTheCommit() {
    GateResult result = check(SAME, SAME, BUILD);

    assertThat(result.outcome()).isEqualTo(Outcome.pass);
    assertThat(result.reasons().get(0)).contains("bit-identical from commit 0123abc");
  }

  @ParameterizedTest
  @CsvSource({
    "0, inconclusive", // -0 is not 0
    "1e-7, inconclusive",
    "1e-5, inconclusive",
    "1.1e-5, fail",
    "Infinity, fail",
    "NaN, fail"
  })
  void check_otherWeights_neverPass(double largest, Outcome expected) {
    GateResult result = check(new Difference(false, largest), SAME, BUILD);

    assertThat(result.outcome()).isEqualTo(expected);
    assertThat(result.reasons().get(0)).contains("weights of model.pt");
  }

  @Test
  void check_weightsOfAnotherProcessor_saysTheLargestDifference() {
    assertThat(check(new Difference(false, 1.5e-7), SAME, BUILD).reasons().get(0))
        .contains("numerically equivalent, largest difference 1.50e-07");
  }

  @ParameterizedTest
  @CsvSource({"1e-6, inconclusive", "0.001, fail", "Infinity, fail"})
  void check_otherMetrics_neverPass(double largest, Outcome expected) {
    GateResult result = check(SAME, new Difference(false, largest), BUILD);

    assertThat(result.outcome()).isEqualTo(expected);
    assertThat(result.reasons().get(0)).contains("metrics");
  }

  @Test
  void check_anotherRecordOfTheRun_fails() {
    Comparison other =
        new Comparison(
            "0123abc", SAME, SAME, new Difference(false, Double.POSITIVE_INFINITY), BUILD);

    assertThat(ReproducibilityGate.check(other, new Policy.Reproducibility(1e-5)).outcome())
        .isEqualTo(Outcome.fail);
  }

  @Test
  void check_anotherTrainer_failsEvenWhereItGivesTheSameModel() {
    GateResult result = check(SAME, SAME, new Digests("sha256:aa", "sha256:bb"));

    assertThat(result.outcome()).isEqualTo(Outcome.fail);
    assertThat(result.reasons().get(0))
        .contains("digest of the trainer is sha256:bb, expected sha256:aa");
  }

  @Test
  void check_nearWeightsAndAnotherTrainer_fails() {
    assertThat(
            check(new Difference(false, 1e-7), SAME, new Digests("sha256:aa", "sha256:bb"))
                .outcome())
        .isEqualTo(Outcome.fail);
  }
}
