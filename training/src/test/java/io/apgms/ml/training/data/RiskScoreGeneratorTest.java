package io.apgms.ml.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.ArtifactStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class RiskScoreGeneratorTest {
  @Test
  void csv_sameSeed_isTheSameForEver() {
    byte[] csv = RiskScoreGenerator.csv(5, 0, 200);

    assertThat(csv).isEqualTo(RiskScoreGenerator.csv(5, 0, 200));
    assertThat(ArtifactStore.sha256(csv))
        .isEqualTo("f4875be11d9d53c4321774a1b09bbfc29968c754d0a14289f51b02c4b4e102c6");
    assertThat(csv).isNotEqualTo(RiskScoreGenerator.csv(6, 0, 200));
  }

  @Test
  void csv_window_isThatPartOfTheWhole() {
    String whole = new String(RiskScoreGenerator.csv(5, 0, 30), StandardCharsets.UTF_8);
    String part = new String(RiskScoreGenerator.csv(5, 20, 30), StandardCharsets.UTF_8);

    assertThat(whole).endsWith(part.substring(part.indexOf('\n') + 1));
  }

  @Test
  void csv_rows_keepToTheSchemaAndItsProbabilities() throws IOException {
    ModelSchema schema =
        SchemaReader.parse(Files.readAllBytes(Path.of("../conf/models/risk-score.yaml")));

    // Reading refuses every value outside the schema's ranges.
    Dataset data = Snapshot.parse(schema, RiskScoreGenerator.csv(99, 0, 40_000), null);

    double[] truth = Objects.requireNonNull(data.truth());
    double[] sums = new double[10];
    double[] hits = new double[10];
    double[] n = new double[10];
    int review = 0;
    for (int i = 0; i < truth.length; i++) {
      int bin = (int) (truth[i] * 10);
      sums[bin] += truth[i];
      hits[bin] += data.y()[i];
      n[bin]++;
      review += truth[i] >= schema.threshold().resolve() ? 1 : 0;
    }
    for (int bin = 0; bin < 10; bin++) {
      double deviation = 4 * Math.sqrt(0.25 / n[bin]);
      assertThat(hits[bin] / n[bin])
          .as("bin %d", bin)
          .isCloseTo(sums[bin] / n[bin], within(deviation));
    }
    assertThat((double) review / truth.length).isBetween(0.15, 0.25);
  }
}
