package io.apgms.ml.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.training.TrainingException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CanaryRowsTest {
  private static final Path ARTIFACT = Path.of("../artifacts/models/risk-score/20261123");

  private static ModelSchema schema() throws IOException {
    return SchemaReader.parse(Files.readAllBytes(ARTIFACT.resolve("schema.yaml")));
  }

  private static List<CanaryRows.Row> read(String csv) throws IOException {
    return CanaryRows.read(schema(), csv.getBytes(StandardCharsets.UTF_8));
  }

  private static String plain() throws IOException {
    return new String(
        Snapshot.plain(Files.readAllBytes(ARTIFACT.resolve("canary.csv.gz"))),
        StandardCharsets.UTF_8);
  }

  @Test
  void read_shippedCanary_isFiveHundredRowsOfTheSchema() throws IOException {
    List<CanaryRows.Row> rows =
        CanaryRows.read(schema(), Files.readAllBytes(ARTIFACT.resolve("canary.csv.gz")));

    assertThat(rows).hasSize(500);
    assertThat(rows.get(0).inputs().keySet())
        .containsExactlyElementsOf(
            schema().features().stream().map(ModelSchema.Column::name).toList());
    assertThat(rows.get(0).inputs()).containsEntry("liquidity_ratio", 1.5105);
    assertThat(rows.stream().filter(CanaryRows.Row::positive).count()).isBetween(50L, 200L);
    assertThat(rows.stream().map(r -> r.inputs().get("payroll_to_revenue")))
        .contains((Double) null);
  }

  @Test
  void read_moreColumns_readsOverThem() throws IOException {
    String wider = plain().replace("\n", ",x\n");

    assertThat(read(wider)).isEqualTo(read(plain()));
  }

  @ParameterizedTest
  @CsvSource({"1.5105, many", "1.5105, 11", "1.5105, NaN", "'0,1,0', '0,1,2'"})
  void read_cellThatTheSchemaDoesNotTake_isRefused(String from, String to) throws IOException {
    String csv = plain();
    assertThat(csv).contains(from);

    assertThatThrownBy(() -> read(csv.replaceFirst(from, to)))
        .isInstanceOf(TrainingException.Data.class)
        .hasMessageContaining("row 1");
  }

  @Test
  void read_noLabel_isRefused() throws IOException {
    assertThatThrownBy(() -> read(plain().replace("adverse_outcome", "outcome")))
        .isInstanceOf(TrainingException.Data.class);
  }
}
