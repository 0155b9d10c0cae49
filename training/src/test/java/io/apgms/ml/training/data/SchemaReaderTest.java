package io.apgms.ml.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.training.TrainingException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SchemaReaderTest {
  static final String GOOD =
      """
      model: loans
      title: Loans
      label: bad
      drop: [id]
      source: {url: "https://example.org/loans.csv"}
      features:
        - {name: income, type: number, min: 0, max: 100, nullable: true, transform: quantile}
        - {name: state, type: integer, min: 0, max: 3, nullable: false, transform: both, codes: [0, 1]}
      ratios:
        - {name: share, numerator: income, denominator: state}
      protected:
        - {name: sex, bands: [{name: f, values: [f]}, {name: m, values: [m]}]}
      threshold: {value: 0.4}
      training: {hidden: [4], knots: 5, members: 1, maxEpochs: 3, patience: 2, batch: 16, learningRate: 0.01, weightDecay: 0, seed: 3}
      slo: {availability: 0.99, latencyMs: 100}
      """;

  @Test
  void parse_good_isTaken() {
    ModelSchema schema = parse(GOOD);

    assertThat(schema.features()).hasSize(2);
    assertThat(schema.ratios().get(0).floorValue()).isEqualTo(1f);
    assertThat(schema.threshold().resolve()).isEqualTo(0.4);
  }

  @ParameterizedTest
  @ValueSource(strings = {"risk-score", "credit-default"})
  void parse_shippedSchema_isTaken(String model) throws IOException {
    Path file = Path.of("../conf/models", model + ".yaml");

    assertThat(SchemaReader.parse(Files.readAllBytes(file)).model()).isEqualTo(model);
  }

  @Test
  void threshold_ofCosts_isTheirShare() {
    String costs = GOOD.replace("{value: 0.4}", "{falsePositiveCost: 1, falseNegativeCost: 3}");

    assertThat(parse(costs).threshold().resolve()).isEqualTo(0.25);
  }

  static Stream<Arguments> planted() {
    return Stream.of(
        Arguments.of("label: bad", "label: bad\nlabels: x", "unknown key 'labels'"),
        Arguments.of("knots: 5", "knots: 5, knotz: 5", "'training.knotz', expected one of"),
        Arguments.of("label: bad", "label: bad\nlabel: worse", "label"),
        Arguments.of("model: loans", "model: Loans", "model 'Loans', expected"),
        Arguments.of("label: bad\n", "", "label is missing"),
        Arguments.of("max: 100", "max: -1", "expected min < max"),
        Arguments.of("max: 100", "max: 1e999", "both finite"),
        Arguments.of("knots: 5, ", "", "training.knots is missing"),
        Arguments.of("max: 100", "max: many", "many"),
        Arguments.of(", nullable: true", "", "nullable"),
        Arguments.of("transform: quantile", "transform: square", "square"),
        Arguments.of("transform: quantile", "transform: onehot", "one-hot column is an integer"),
        Arguments.of("transform: quantile", "transform: quantile, codes: [1]", "expected none"),
        Arguments.of("codes: [0, 1]", "codes: [0, 0]", "expected each code once"),
        Arguments.of("codes: [0, 1]", "codes: [0, 9]", "state.codes: 9, expected 0.0 to 3.0"),
        Arguments.of("name: income", "name: state", "column state stands twice"),
        Arguments.of("name: sex", "name: income", "column income stands twice"),
        Arguments.of("drop: [id]", "drop: [bad]", "column bad stands twice"),
        Arguments.of("numerator: income", "numerator: wealth", "'wealth', expected a feature"),
        Arguments.of("denominator: state", "denominator: state, floor: 0", "floor 0.0"),
        Arguments.of("{name: f, values: [f]}", "{name: f}", "band f: expected values"),
        Arguments.of("{name: f, values: [f]}", "{name: f, min: 2, max: 1}", "min <= max"),
        Arguments.of("{name: f,", "{name: m,", "column m stands twice"),
        Arguments.of("{value: 0.4}", "{}", "threshold: expected value, or"),
        Arguments.of("{value: 0.4}", "{value: 1}", "threshold.value 1.0, expected between"),
        Arguments.of("{value: 0.4}", "{falsePositiveCost: 1}", "expected both above 0"),
        Arguments.of("hidden: [4]", "hidden: [4, 4, 4]", "at most two sizes"),
        Arguments.of("knots: 5", "knots: 1", "training.knots 1, expected 2 to 257"),
        Arguments.of("members: 1", "members: 0", "training.members 0"),
        Arguments.of("members: 1", "members: 1.5", "1.5"),
        Arguments.of("batch: 16", "batch: 0", "training.batch 0"),
        Arguments.of("learningRate: 0.01", "learningRate: 0", "training.learningRate 0.0"),
        Arguments.of("weightDecay: 0,", "weightDecay: -1,", "training.weightDecay -1.0"),
        Arguments.of("url: \"https://example.org/loans.csv\"", "sha256: abc", "source.url"),
        Arguments.of("loans.csv\"", "loans.csv\", sha256: abc", "source.sha256 'abc'"),
        Arguments.of("loans.csv\"", "loans.csv\", rows: 5", "source.rows and source.seed"),
        Arguments.of("url: \"", "generator: magic, url: \"", "'magic', expected risk-score"),
        Arguments.of("url: \"", "generator: risk-score, url: \"", "source.rows null"));
  }

  @ParameterizedTest
  @MethodSource("planted")
  void parse_plantedMistake_isRefusedByName(String good, String bad, String message) {
    assertThat(GOOD).contains(good);
    String yaml = GOOD.replaceFirst(java.util.regex.Pattern.quote(good), bad);

    assertThatThrownBy(() -> parse(yaml))
        .isInstanceOf(TrainingException.Schema.class)
        .hasMessageContaining(message);
  }

  private static ModelSchema parse(String yaml) {
    return SchemaReader.parse(yaml.getBytes(StandardCharsets.UTF_8));
  }
}
