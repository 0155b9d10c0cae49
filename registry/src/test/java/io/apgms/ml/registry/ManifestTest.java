package io.apgms.ml.registry;

import static io.apgms.ml.registry.ArtifactFixture.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Manifest GOOD =
      ArtifactFixture.manifest(
          "credit-default", "20261118-2", List.of(ArtifactFixture.entry("model.pt", new byte[3])));

  private static String good() {
    return new String(GOOD.toJson(), StandardCharsets.UTF_8);
  }

  private static void assertCorrupt(String json) {
    assertThatThrownBy(() -> Manifest.parse(utf8(json)))
        .as(json)
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageStartingWith("manifest: ");
  }

  @Test
  void parse_whatWasWritten_isEqualAndStable() {
    assertThat(Manifest.parse(GOOD.toJson())).isEqualTo(GOOD);
    assertThat(Manifest.parse(GOOD.toJson()).toJson()).isEqualTo(GOOD.toJson());
    assertThat(GOOD.features().get(1).baseline()).as("written as null and read back").isNull();
    assertThat(good()).endsWith("}\n").contains("\"threshold\" : 0.65");
  }

  /** Every object of the manifest, as JSON pointers. */
  private static List<String> objects() {
    return List.of(
        "",
        "/files/0",
        "/features/0",
        "/features/0/baseline",
        "/scoreBaseline",
        "/slo",
        "/provenance");
  }

  @Test
  void parse_anyKeyMissingNullOrUnknown_isCorrupt() throws IOException {
    int keys = 0;
    for (String pointer : objects()) {
      List<String> names = new ArrayList<>();
      JSON.readTree(good()).at(pointer).fieldNames().forEachRemaining(names::add);
      for (String name : names) {
        keys++;
        JsonNode missing = JSON.readTree(good());
        ((ObjectNode) missing.at(pointer)).remove(name);
        assertCorrupt(missing.toString());
        JsonNode empty = JSON.readTree(good());
        ((ObjectNode) empty.at(pointer)).putNull(name);
        if (!name.equals("baseline")) {
          assertCorrupt(empty.toString());
        }
      }
      JsonNode unknown = JSON.readTree(good());
      ((ObjectNode) unknown.at(pointer)).put("unknown", 1);
      assertCorrupt(unknown.toString());
    }
    assertThat(keys).isEqualTo(8 + 3 + 6 + 3 + 3 + 2 + 6);
  }

  @Test
  void parse_duplicateKey_isCorrupt() {
    assertCorrupt(good().replace("\"threshold\" : 0.65", "\"threshold\":0.65,\"threshold\":0.65"));
    assertCorrupt(good().replace("\"seed\" : 42", "\"seed\":42,\"seed\":42"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "null", "[]", "{}", "\"x\"", "{", "nonsense"})
  void parse_notAManifest_isCorrupt(String json) {
    assertCorrupt(json);
  }

  @Test
  void parse_trailingText_isCorrupt() {
    assertCorrupt(good() + "{}");
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "/threshold|\"0.5\"",
        "/threshold|0",
        "/threshold|1",
        "/threshold|\"NaN\"",
        "/threshold|1e400",
        "/threshold|true",
        "/version|20261118",
        "/version|\"2026\"",
        "/model|\"../x\"",
        "/model|7",
        "/files/0/size|\"3\"",
        "/files/0/size|3.5",
        "/files/0/name|5",
        "/files/0/sha256|true",
        "/files/0|null",
        "/features|[]",
        "/features/0/name|\"\"",
        "/features/0/name|\"income\"",
        "/features/0/type|\"text\"",
        "/features/0/type|0",
        "/features/0/min|121",
        "/features/0/max|1e400",
        "/features/0/min|\"-Infinity\"",
        "/features/0/nullable|\"false\"",
        "/features/0/nullable|0",
        "/scoreBaseline/edges|[1]",
        "/scoreBaseline/edges/0|\"NaN\"",
        "/scoreBaseline/edges/0|60",
        "/scoreBaseline/edges/1|1e400",
        "/scoreBaseline/counts/0|-1",
        "/scoreBaseline/counts/0|null",
        "/scoreBaseline/missing|-1",
        "/slo/availability|1",
        "/slo/availability|0",
        "/slo/latencyMs|0",
        "/provenance/seed|1.5"
      },
      delimiter = '|')
  void parse_wrongValue_isCorrupt(String pointer, String value) throws IOException {
    JsonNode edited = JSON.readTree(good());
    int slash = pointer.lastIndexOf('/');
    JsonNode parent = edited.at(pointer.substring(0, slash));
    String key = pointer.substring(slash + 1);
    // A marker takes raw text, so that 1e400 and the like stay as written.
    if (parent instanceof ObjectNode object) {
      object.put(key, "MARKER");
    } else {
      ((com.fasterxml.jackson.databind.node.ArrayNode) parent)
          .set(Integer.parseInt(key), JSON.getNodeFactory().textNode("MARKER"));
    }
    assertCorrupt(edited.toString().replace("\"MARKER\"", value));
  }

  @Test
  void goldenRow_toTensor_followsTheSchemasOrder() {
    GoldenRow row =
        GoldenRow.parse(utf8("[{\"inputs\":{\"income\":null,\"age\":30},\"score\":0}]")).get(0);
    float[] tensor = row.toTensor(GOOD.features());
    assertThat(tensor[0]).isEqualTo(30f);
    assertThat(tensor[1]).isNaN();
    for (String inputs : List.of("{\"age\":30}", "{\"age\":30,\"other\":1}")) {
      GoldenRow wrong = GoldenRow.parse(utf8("[{\"inputs\":" + inputs + ",\"score\":0}]")).get(0);
      assertThatThrownBy(() -> wrong.toTensor(GOOD.features()))
          .isInstanceOf(RegistryException.Corrupt.class);
    }
  }
}
