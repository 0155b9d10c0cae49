package io.apgms.ml.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.training.TrainingException;
import io.apgms.ml.training.data.Snapshot.Window;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SnapshotTest {
  private static final ModelSchema SCHEMA =
      SchemaReader.parse(SchemaReaderTest.GOOD.getBytes(StandardCharsets.UTF_8));
  private static final String CSV = "id,state,income,sex,bad\n1,0,2.5,f,1\n2,3,,m,0\n3,1,7,f,0\n";

  @TempDir Path folder;

  @Test
  void parse_columnsInAnyOrder_becomeTensorOrder() {
    Dataset data = Snapshot.parse(SCHEMA, bytes(CSV), null);

    assertThat(data.x()).containsExactly(2.5f, 0, Float.NaN, 3, 7, 1);
    assertThat(data.y()).containsExactly(1, 0, 0);
    assertThat(data.groups().get("sex")).containsExactly("f", "m", "f");
    assertThat(data.sha256()).isEqualTo(ArtifactStore.sha256(bytes(CSV)));
  }

  @Test
  void parse_window_takesItsRowsAndHashesThem() {
    Dataset data = Snapshot.parse(SCHEMA, bytes(CSV), new Window(1, 3));

    assertThat(data.y()).containsExactly(0, 0);
    assertThat(data.sha256())
        .isEqualTo(ArtifactStore.sha256(bytes("id,state,income,sex,bad\n2,3,,m,0\n3,1,7,f,0\n")));
  }

  static Stream<Arguments> planted() {
    return Stream.of(
        Arguments.of("2.5", "x", "row 1, income 'x', expected a number"),
        Arguments.of("2.5", "101", "row 1, income '101', expected number from 0.0 to 100.0"),
        Arguments.of("2.5", "NaN", "income 'NaN'"),
        Arguments.of("1,0,2.5", "1,0.5,2.5", "state '0.5', expected integer"),
        Arguments.of("1,0,2.5", "1,,2.5", "row 1, state ''"),
        Arguments.of("2.5,f,1", "2.5,f,yes", "bad 'yes', expected 0 or 1"),
        Arguments.of("id,state", "id,estate", "column 'estate', expected only"),
        Arguments.of("income,", "", "[income] are missing"),
        Arguments.of("id,", "state,", "state"));
  }

  @ParameterizedTest
  @MethodSource("planted")
  void parse_plantedMistake_isRefusedByPlace(String good, String bad, String message) {
    assertThatThrownBy(() -> Snapshot.parse(SCHEMA, bytes(CSV.replaceFirst(good, bad)), null))
        .isInstanceOf(TrainingException.Data.class)
        .hasMessageContaining(message);
  }

  @Test
  void parse_windowBehindTheEnd_isRefused() {
    assertThatThrownBy(() -> Snapshot.parse(SCHEMA, bytes(CSV), new Window(1, 4)))
        .isInstanceOf(TrainingException.Data.class)
        .hasMessageContaining("the data has 3 rows");
  }

  @Test
  void read_otherFile_isRefusedNamingBothHashes() throws IOException {
    Path file = Files.writeString(folder.resolve("data.csv"), CSV);
    ModelSchema pinned = pinned("0".repeat(64));

    assertThatThrownBy(() -> Snapshot.read(pinned, file, null, false))
        .isInstanceOf(TrainingException.Data.class)
        .hasMessageContaining(ArtifactStore.sha256(bytes(CSV)))
        .hasMessageContaining("expected " + "0".repeat(64));
    assertThat(Snapshot.read(pinned, file, null, true).rows()).isEqualTo(3);
  }

  @Test
  void read_gzip_isHashedAsPlainCsv() throws IOException {
    ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(gzip)) {
      out.write(bytes(CSV));
    }
    Path file = Files.write(folder.resolve("data.csv.gz"), gzip.toByteArray());

    Dataset data = Snapshot.read(pinned(ArtifactStore.sha256(bytes(CSV))), file, null, false);

    assertThat(data.rows()).isEqualTo(3);
  }

  private static ModelSchema pinned(String sha256) {
    return SchemaReader.parse(
        bytes(
            SchemaReaderTest.GOOD.replace(
                "loans.csv\"", "loans.csv\", sha256: " + '"' + sha256 + '"')));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
