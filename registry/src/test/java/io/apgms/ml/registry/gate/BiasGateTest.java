package io.apgms.ml.registry.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BiasGateTest {
  private static GateResult check(BiasFixture fixture) {
    return BiasGate.check(fixture.artifact(), BiasFixture.POLICY);
  }

  private static void assertRefused(GateResult result, String... texts) {
    assertThat(result.outcome()).as(result.toString()).isEqualTo(Outcome.fail);
    assertThat(String.join("\n", result.reasons())).contains(texts);
  }

  @Test
  void check_groupsDecidedAlike_passWithEveryFigureMeasured() {
    GateResult result = check(BiasFixture.fair());

    assertThat(result.outcome()).as(result.toString()).isEqualTo(Outcome.pass);
    assertThat(result.reasons()).hasSize(1);
    assertThat(result.measured()).hasSize(8);
    assertThat(result.measured().get(0))
        .contains("sex: female: selection rate 0.1200 (0.1131 to 0.1273), all 0.1200")
        .contains("delta 0.00 %", "8,000 of 8,000 rows", "needed");
  }

  @ParameterizedTest
  @CsvSource({"selection rate, 1", "false-positive rate, 2", "false-negative rate, 3"})
  void check_oneRateAtTwoPercent_passesAndOneRowMoreFails(String name, int kind) {
    assertThat(check(moved(kind, 0)).outcome()).isEqualTo(Outcome.pass);
    GateResult over = check(moved(kind, 1));

    assertRefused(over, name, "expected at most 2.00 %");
    assertThat(over.reasons()).hasSize(2);
  }

  /** Two halves, each exactly 2 % from all rows in one rate, and so many rows more. */
  private static BiasFixture moved(int kind, int more) {
    BiasFixture out = new BiasFixture();
    for (int sign : new int[] {1, -1}) {
      String band = sign > 0 ? "female" : "male";
      int extra = sign * more;
      switch (kind) {
        case 1 -> { // more positives, found and missed at the same rates
          int positives = 10_000 + sign * 800;
          int fp = (20_000 - positives) / 10 + extra;
          out.band("sex", band, 20_000, positives, fp, positives * 2 / 5, positives / 2e4);
        }
        case 2 -> out.band("sex", band, 20_000, 10_000, 2_000 + sign * 200 + extra, 4_000, 0.5);
        default -> out.band("sex", band, 20_000, 10_000, 2_000, 4_000 + sign * 200 + extra, 0.5);
      }
    }
    return out;
  }

  @ParameterizedTest
  @CsvSource({"0.02, pass", "0.0201, fail"})
  void check_calibrationMoved_failsOverTwoPercent(double moved, Outcome expected) {
    GateResult result =
        check(
            new BiasFixture()
                .band("sex", "female", 10_000, 2_000, 500, 1_000, 0.2 + moved)
                .band("sex", "male", 10_000, 2_000, 500, 1_000, 0.2 - moved));

    assertThat(result.outcome()).isEqualTo(expected);
    assertThat(result.reasons().get(0)).contains("calibration gap");
  }

  @Test
  void check_upperBound_failsWhatThePointValuePasses() {
    BiasFixture fixture =
        new BiasFixture()
            .band("sex", "female", 4_000, 800, 160, 480, 0.2)
            .band("sex", "male", 6_000, 1_200, 240, 720, 0.2);
    assertThat(check(fixture).outcome()).isEqualTo(Outcome.pass);
    Policy.Bias strict = new Policy.Bias(0.02, Policy.Bound.upper, 500, 100, 0.05, 0.01);

    GateResult result = BiasGate.check(fixture.artifact(), strict);

    assertRefused(result, "false-negative rate", "at the farther end of the interval");
  }

  @ParameterizedTest
  @CsvSource({"499, inconclusive", "500, pass"})
  void check_groupUnderTheMinimumSize_isInconclusive(int n, Outcome expected) {
    GateResult result =
        check(
            new BiasFixture()
                .band("sex", "female", n, n / 2, n / 8, n / 8, 0.5)
                .band("sex", "male", 80_000, 40_000, 10_000, 10_000, 0.5));

    assertThat(result.outcome()).as(result.toString()).isEqualTo(expected);
    if (expected == Outcome.inconclusive) {
      assertThat(result.reasons()).hasSize(1);
      assertThat(result.reasons().get(0)).contains("sex: female: 499 rows", "at least 500;");
    }
  }

  @ParameterizedTest
  @CsvSource({"99, inconclusive", "100, pass"})
  void check_rateOverTooFewRows_isInconclusive(int positives, Outcome expected) {
    GateResult result =
        check(
            new BiasFixture()
                .band("sex", "female", 8_000, positives, 800, positives / 2, 0.012)
                .band("sex", "male", 80_000, 10 * positives, 8_000, 5 * positives, 0.012));

    assertThat(result.outcome()).as(result.toString()).isEqualTo(expected);
  }

  @Test
  void check_smallGroupBesideOneThatFails_fails() {
    assertRefused(
        check(
            new BiasFixture()
                .band("sex", "x", 20, 4, 0, 0, 0.2)
                .band("sex", "female", 10_000, 2_000, 900, 1_000, 0.2)
                .band("sex", "male", 10_000, 2_000, 100, 1_000, 0.2)),
        "sex: female: false-positive rate",
        "sex: x: 20 rows, expected at least 500;");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 30, 7_960, 8_000})
  void check_selectsNobodyOrEverybody_failsAsDegenerate(int selected) {
    int positives = 4_000;
    int right = Math.min(selected, positives);
    GateResult result =
        check(
            new BiasFixture()
                .band("sex", "female", 8_000, positives, selected - right, positives - right, 0.5)
                .band("sex", "male", 8_000, positives, selected - right, positives - right, 0.5));

    assertRefused(result, "degenerate: selects", "expected 1.00 % to 99.00 %");
  }

  @Test
  void check_constantScores_failAsDegenerate() {
    assertRefused(
        check(BiasFixture.fair().scores(new Histogram(List.of(), List.of(20_000L), 0))),
        "degenerate: all its scores");
  }

  @Test
  void check_bandThatTheSchemaNamesIsMissing_fails() {
    assertRefused(
        check(BiasFixture.fair().schemaNames("age", "18-34")), "group age: 18-34 is missing");
  }

  @Test
  void check_groupThatNoSchemaNames_fails() {
    BiasFixture fixture = BiasFixture.fair().withoutSchemaBands().schemaNames("sex", "female");

    assertRefused(check(fixture), "group sex: male, expected each band of schema.yaml once");
  }

  @Test
  void check_noProtectedColumn_isInconclusive() {
    GateResult result =
        check(BiasFixture.fair().withoutSchemaBands().lie(report -> report.putArray("groups")));

    assertThat(result.outcome()).isEqualTo(Outcome.inconclusive);
    assertThat(result.reasons().get(0)).contains("no protected column");
  }

  @ParameterizedTest
  @CsvSource({"800, pass", "1200, inconclusive"})
  void check_rowsInNoBand_areInconclusiveOverTheirShare(int unknown, Outcome expected) {
    GateResult result =
        check(
            BiasFixture.fair()
                .band("age", "young", 8_000, 1_600, 320, 960, 0.2)
                .band(
                    "age",
                    "old",
                    12_000 - unknown,
                    2_400 - unknown / 5,
                    480 - unknown / 25,
                    1_440 - unknown * 3 / 25,
                    0.2));

    assertThat(result.outcome()).as(result.toString()).isEqualTo(expected);
    if (expected == Outcome.inconclusive) {
      assertThat(result.reasons().get(0)).contains("age: 1200 of 20000 rows in no band");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "10_001, 2_000, 400, 1_200, 0.2, -1 rows", // a row in two bands
    "10_000, 2_001, 401, 1_200, 0.2, -1 positives",
    "10_000, 2_000, 390, 1_200, 0.2, 10 false positives", // of no rows
    "10_000, 2_000, 410, 1_200, 0.2, -10 false positives",
    "10_000, 2_000, 400, 1_210, 0.2, -10 false negatives",
    "10_000, 2_000, 400, 1_200, 0.21, a sum of scores of -100.0",
    "10_000, 2_000, 400, 1_200, 0.19, a sum of scores of 100.0",
  })
  void check_bandsThatDoNotAddUp_fail(
      String n, String positives, String fp, String fn, double mean, String left) {
    assertRefused(
        check(
            BiasFixture.fair()
                .band("age", "young", 10_000, 2_000, 400, 1_200, 0.2)
                .band("age", "old", number(n), number(positives), number(fp), number(fn), mean)),
        "bands of age leave",
        left);
  }

  private static int number(String text) {
    return Integer.parseInt(text.replace("_", ""));
  }

  private static Consumer<ObjectNode> group(Consumer<ObjectNode> change) {
    return report -> change.accept((ObjectNode) report.path("groups").get(0));
  }

  @Test
  void check_deltaThatItsRatesDoNotGive_fails() {
    assertRefused(
        check(
            BiasFixture.fair()
                .lie(group(g -> ((ObjectNode) g.path("delta")).put("selectionRate", 0.01)))),
        "sex: female: delta.selectionRate 0.01, expected 0.000000");
  }

  @Test
  void check_intervalThatIsNotWilsons_fails() {
    assertRefused(
        check(
            BiasFixture.fair()
                .lie(group(g -> ((ObjectNode) g.path("selectionRate")).put("high", 0.13)))),
        "selectionRate 0.12",
        "with its Wilson interval");
  }

  @Test
  void check_rateThatNoCountGives_fails() {
    assertRefused(
        check(
            BiasFixture.fair()
                .lie(group(g -> ((ObjectNode) g.path("selectionRate")).put("value", 0.12005)))),
        "expected a count of 8000 rows");
  }

  @Test
  void check_countsThatContradictEachOther_fail() {
    // selected must be the hits of both outcomes: one false positive more, and its deltas
    BiasFixture honest = BiasFixture.fair();
    BiasFixture other =
        new BiasFixture()
            .band("sex", "female", 8_000, 1_600, 321, 960, 0.2)
            .band("sex", "male", 12_000, 2_400, 479, 1_440, 0.2);
    assertThat(check(other).outcome()).isEqualTo(Outcome.pass);
    ObjectNode[] taken = new ObjectNode[1];
    check(other.lie(report -> taken[0] = report.deepCopy()));

    assertRefused(
        check(
            honest.lie(
                group(
                    g -> {
                      ObjectNode from = (ObjectNode) taken[0].path("groups").get(0);
                      g.set("falsePositiveRate", from.path("falsePositiveRate"));
                      ((ObjectNode) g.path("delta"))
                          .set("falsePositiveRate", from.at("/delta/falsePositiveRate"));
                    }))),
        "sex: female: rows selected 960, expected 961");
  }

  @ParameterizedTest
  @CsvSource({
    "model, credit-default, 'model credit-default, expected risk-score'",
    "modelSha256, 00, 'modelSha256 00, expected'",
    "datasetSha256, 00, 'datasetSha256 00, expected 77f3'",
    "basis, training, 'basis training, expected out-of-fold'",
    "basis, held-out, 'basis held-out, expected out-of-fold'",
  })
  void check_reportOfSomethingElse_fails(String key, String value, String reason) {
    assertRefused(check(BiasFixture.fair().lie(report -> report.put(key, value))), reason);
  }

  @Test
  void check_otherThreshold_fails() {
    assertRefused(check(BiasFixture.fair().manifestThreshold(0.6)), "threshold 0.5, expected 0.6");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"NaN\"", "NaN", "\"0.1\"", "null", "1e999", "-1.5", "true"})
  void check_numberThatIsNone_fails(String text) {
    GateResult result =
        check(
            BiasFixture.fair()
                .lie(group(g -> g.putRawValue("calibrationGap", new RawValue(text)))));

    assertRefused(result, BiasReportFile.NAME);
    GateResult rate =
        check(
            BiasFixture.fair()
                .lie(
                    group(
                        g ->
                            ((ObjectNode) g.path("selectionRate"))
                                .putRawValue("value", new RawValue(text)))));
    assertRefused(rate, BiasReportFile.NAME);
  }

  @Test
  void check_unknownOrMissingKey_fails() {
    assertRefused(check(BiasFixture.fair().lie(r -> r.put("note", "fine"))), "note");
    assertRefused(check(BiasFixture.fair().lie(r -> r.remove("basis"))), "basis");
    assertRefused(check(BiasFixture.fair().lie(r -> r.remove("groups"))), "groups");
    assertRefused(
        check(BiasFixture.fair().lie(r -> ((ArrayNode) r.path("groups")).add("x"))), "groups");
  }

  @Test
  void check_groupTwice_fails() {
    assertRefused(
        check(
            BiasFixture.fair()
                .lie(r -> ((ArrayNode) r.path("groups")).add(r.path("groups").get(0)))),
        "group sex: female, expected each band of schema.yaml once");
  }

  @Test
  void check_artifactWithoutReports_fails() {
    var whole = BiasFixture.fair().artifact();
    var bare =
        new VerifiedArtifact(whole.manifest(), whole.digest(), whole.torchScript(), whole.golden());

    assertRefused(BiasGate.check(bare, BiasFixture.POLICY), "schema.yaml is missing");
  }
}
