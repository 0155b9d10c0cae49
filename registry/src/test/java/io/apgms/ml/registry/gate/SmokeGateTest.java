package io.apgms.ml.registry.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.gate.SmokeGate.Baseline;
import io.apgms.ml.registry.gate.SmokeGate.Figures;
import io.apgms.ml.registry.gate.SmokeGate.Golden;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SmokeGateTest {
  private static final Policy.Smoke POLICY = new Policy.Smoke(750, 0.005, 200);
  private static final List<Golden> EQUAL = List.of(new Golden(0.123456, 0.123456));

  private static GateResult check(Figures figures) {
    return SmokeGate.check(figures, POLICY);
  }

  private static Figures figures(List<Double> latenciesMs, long right, List<Golden> golden) {
    return new Figures(
        latenciesMs, List.of(), right, new Baseline("the baseline 20261116", 850), golden);
  }

  private static List<Double> rows(int n) {
    return Collections.nCopies(n, 3.0);
  }

  private static void assertFails(GateResult result, String reason) {
    assertThat(result.outcome()).isEqualTo(Outcome.fail);
    assertThat(String.join("\n", result.reasons())).contains(reason);
  }

  @Test
  void check_asGoodAsTheBaseline_passesWithWhatWasMeasured() {
    GateResult result = check(figures(rows(1_000), 850, EQUAL));

    assertThat(result.outcome()).isEqualTo(Outcome.pass);
    assertThat(result.reasons().get(0))
        .contains("p95 3.0 ms", "850 of 1000", "the baseline 20261116 on 850", "1 golden rows");
  }

  @ParameterizedTest
  @CsvSource({"846, pass", "845, fail", "844, fail", "900, pass"})
  void check_accuracyDrop_mustBeLessThanHalfAPercent(long right, Outcome expected) {
    assertThat(check(figures(rows(1_000), right, EQUAL)).outcome()).isEqualTo(expected);
  }

  @Test
  void check_accuracyDropsBySixInAThousand_saysBothNumbers() {
    assertFails(
        check(figures(rows(1_000), 844, EQUAL)),
        "right on 844 of 1000 canary rows, the baseline 20261116 on 850: accuracy drops by 0.60 %,"
            + " expected less than 0.50 %");
  }

  @ParameterizedTest
  @CsvSource({"50, 751, pass", "51, 751, fail", "51, 750, fail", "51, 749.9, pass"})
  void check_p95_mustBeUnderTheLimit(int slow, double ms, Outcome expected) {
    List<Double> latencies = new ArrayList<>(Collections.nCopies(1_000 - slow, 3.0));
    latencies.addAll(Collections.nCopies(slow, ms));

    assertThat(check(figures(latencies, 850, EQUAL)).outcome()).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.123457, 0.123455, Double.NaN})
  void check_goldenRowOffByOneInTheSixthDecimal_fails(double actual) {
    assertFails(
        check(figures(rows(1_000), 850, List.of(new Golden(0.123456, actual)))),
        "golden row 1 scores");
  }

  @Test
  void check_noGoldenRow_fails() {
    assertFails(check(figures(rows(1_000), 850, List.of())), "no golden row");
  }

  @Test
  void check_rowsThatWereNotScored_fail() {
    Baseline baseline = new Baseline("the baseline 20261116", 850);

    assertFails(
        check(new Figures(rows(999), List.of("answer 503: full"), 850, baseline, EQUAL)),
        "1 of 1000 canary rows not scored: answer 503: full");
  }

  @ParameterizedTest
  @CsvSource({"199, inconclusive", "200, pass"})
  void check_smallCanary_isInconclusive(int rows, Outcome expected) {
    Baseline baseline = new Baseline("the baseline 20261116", rows / 2);

    assertThat(check(new Figures(rows(rows), List.of(), rows / 2, baseline, EQUAL)).outcome())
        .isEqualTo(expected);
  }

  @Test
  void check_smallCanaryAndAWrongGoldenRow_fails() {
    assertFails(
        check(
            new Figures(
                rows(10), List.of(), 5, new Baseline("b", 5), List.of(new Golden(0.1, 0.2)))),
        "golden row");
  }

  @Test
  void check_emptyCanary_isInconclusive() {
    assertThat(check(new Figures(List.of(), List.of(), 0, new Baseline("b", 0), EQUAL)).outcome())
        .isEqualTo(Outcome.inconclusive);
  }
}
