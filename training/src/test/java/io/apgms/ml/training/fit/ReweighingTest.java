package io.apgms.ml.training.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.training.TrainingException;
import io.apgms.ml.training.data.Dataset;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.SchemaReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ReweighingTest {
  private static ModelSchema schema(String reweigh) throws IOException {
    String yaml = Files.readString(Path.of("../conf/models/risk-score.yaml"));
    String with = yaml.replace("  seed: 1\n", "  seed: 1\n" + reweigh);
    return SchemaReader.parse(with.getBytes(StandardCharsets.UTF_8));
  }

  /** 40 women, 10 of them positive; 60 men, 30 of them positive. */
  private static Dataset data() {
    int[] y = IntStream.range(0, 100).map(i -> i < 10 || (i >= 40 && i < 70) ? 1 : 0).toArray();
    String[] sex =
        IntStream.range(0, 100).mapToObj(i -> i < 40 ? "female" : "male").toArray(String[]::new);
    return new Dataset(new float[100], y, Map.of("owner_sex", sex), null, "");
  }

  @Test
  void weights_none_areOne() throws IOException {
    assertThat(Reweighing.weights(schema(""), data(), new int[] {0, 50})).containsOnly(1);
  }

  @Test
  void weights_ofAColumn_makeTheOutcomeIndependentOfIt() throws IOException {
    int[] all = IntStream.range(0, 100).toArray();
    double[] w = Reweighing.weights(schema("  reweigh: owner_sex\n"), data(), all);

    assertThat(w[0]).as("positive women").isCloseTo(40 * 40 / (100.0 * 10), within(1e-12));
    assertThat(w[50]).as("positive men").isCloseTo(60 * 40 / (100.0 * 30), within(1e-12));
    assertThat(share(w, 0, 40, 10)).isCloseTo(share(w, 40, 100, 70), within(1e-12));
  }

  /** Weighted share of positives among rows from..to, of which those before {@code last} are. */
  private static double share(double[] weights, int from, int to, int last) {
    double positive = IntStream.range(from, last).mapToDouble(i -> weights[i]).sum();
    return positive / IntStream.range(from, to).mapToDouble(i -> weights[i]).sum();
  }

  @Test
  void schema_reweighByAnotherColumn_isRefused() {
    assertThatThrownBy(() -> schema("  reweigh: liquidity_ratio\n"))
        .isInstanceOf(TrainingException.Schema.class)
        .hasMessageContaining("training.reweigh 'liquidity_ratio', expected a protected column");
  }
}
