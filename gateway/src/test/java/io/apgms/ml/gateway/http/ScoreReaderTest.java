package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.gateway.decision.ScoreCall;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.ServedModel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScoreReaderTest {
  private static final ServedModel MODEL =
      new ServedModel(
          "m",
          "20261123",
          "sha256:00",
          List.of(
              new Feature("ratio", FeatureType.number, -1.5, 10, true, null),
              new Feature("count", FeatureType.integer, 0, 100, false, null)),
          0.5,
          new Slo(0.999, 750),
          List.of(new GoldenRow(Map.of("ratio", 1.0, "count", 2.0), 0.5)));

  private final ScoreReader reader = new ScoreReader(id -> id.equals("m") ? MODEL : null);

  private ScoreCall read(String body) {
    return reader.read(body.getBytes(StandardCharsets.UTF_8));
  }

  private Problem refused(String body) {
    try {
      read(body);
    } catch (Problem problem) {
      return problem;
    }
    throw new AssertionError("taken: " + body);
  }

  @Test
  void read_refusedForItsFeatures_tellsWhichAndWhy() {
    List<String> told = new ArrayList<>();
    ScoreReader telling =
        new ScoreReader(
            id -> id.equals("m") ? MODEL : null,
            (model, feature, missing) ->
                told.add(
                    model.features().get(feature).name() + (missing ? " missing" : " outside")));
    for (String inputs :
        List.of(
            "{\"ratio\":10.5,\"count\":101}",
            "{\"ratio\":1}",
            "{\"ratio\":null,\"count\":null}",
            "{\"ratio\":1,\"count\":\"7\"}",
            "{\"ratio\":1,\"count\":7}")) {
      for (String body :
          List.of(
              "{\"modelId\":\"m\",\"inputs\":" + inputs + "}",
              "{\"inputs\":" + inputs + ",\"modelId\":\"m\"}")) { // read twice, told once
        try {
          telling.read(body.getBytes(StandardCharsets.UTF_8));
        } catch (Problem refused) {
          assertThat(refused.status()).isEqualTo(422);
        }
        told.add("|");
      }
    }
    assertThat(String.join(" ", told))
        .isEqualTo(
            "ratio outside count outside | ratio outside count outside | count missing |"
                + " count missing | count missing | count missing | | | | |");
  }

  @Test
  void read_everyField_isTaken() {
    ScoreCall call =
        read(
            """
            {"modelId":"m","inputs":{"ratio":1.5,"count":7},"modelVersion":"20261116",
             "requestId":"r-1","entityId":"e-1","groups":{"sex":"female"},"explain":false}
            """);
    assertThat(call.modelId()).isEqualTo("m");
    assertThat(call.modelVersion()).isEqualTo("20261116");
    assertThat(call.requestId()).isEqualTo("r-1");
    assertThat(call.entityId()).isEqualTo("e-1");
    assertThat(call.groups()).isEqualTo("{\"sex\":\"female\"}");
    assertThat(call.row()).containsExactly(1.5f, 7f);
  }

  @Test
  void read_explain_isTakenAndFalseUnlessSaid() {
    String call = "{\"modelId\":\"m\",\"inputs\":{\"ratio\":1,\"count\":1}%s}";
    assertThat(read(call.formatted(",\"explain\":true")).explain()).isTrue();
    assertThat(read(call.formatted(",\"explain\":false")).explain()).isFalse();
    assertThat(read(call.formatted("")).explain()).isFalse();
  }

  @Test
  void read_inputsBeforeTheModel_isTheSame() {
    assertThat(read("{\"inputs\":{\"count\":7.0,\"ratio\":null},\"modelId\":\"m\"}").row())
        .containsExactly(Float.NaN, 7f);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "{'count':1}|/inputs/ratio|missing",
        "{'ratio':1}|/inputs/count|missing",
        "{'ratio':1,'count':1,'more':1}|/inputs/more|unknown",
        "{'ratio':'1','count':1}|/inputs/ratio|a string",
        "{'ratio':true,'count':1}|/inputs/ratio|a boolean",
        "{'ratio':[1],'count':1}|/inputs/ratio|an array",
        "{'ratio':{'a':1},'count':1}|/inputs/ratio|an object",
        "{'ratio':11,'count':1}|/inputs/ratio|11, expected a number from -1.5 to 10 or null",
        "{'ratio':1e400,'count':1}|/inputs/ratio|Infinity",
        "{'ratio':1,'count':-1}|/inputs/count|-1, expected a whole number from 0 to 100",
        "{'ratio':1,'count':1.5}|/inputs/count|1.5, expected a whole number",
        "{'ratio':1,'count':null}|/inputs/count|null, expected a whole number",
        "[1,2]|/inputs|an array, expected an object"
      })
  void read_badInputs_nameTheFieldAndTheExpected(String inputs, String pointer, String detail) {
    Problem problem = refused("{\"modelId\":\"m\",\"inputs\":" + inputs.replace('\'', '"') + "}");
    assertThat(problem.status()).isEqualTo(422);
    assertThat(problem.errors())
        .anySatisfy(
            e -> {
              assertThat(e.pointer()).isEqualTo(pointer);
              assertThat(e.detail()).contains(detail).contains("expected");
            });
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "'inputs':{'ratio':1,'count':1}|/modelId",
        "'modelId':'m'|/inputs",
        "'modelId':7,'inputs':{}|/modelId",
        "'modelId':'','inputs':{}|/modelId",
        "'modelId':'m','inputs':{'ratio':1,'count':1},'extra':1|/extra",
        "'modelId':'m','inputs':{'ratio':1,'count':1},'modelVersion':'latest'|/modelVersion",
        "'modelId':'m','inputs':{'ratio':1,'count':1},'requestId':5|/requestId",
        "'modelId':'m','inputs':{'ratio':1,'count':1},'groups':[]|/groups",
        "'modelId':'m','inputs':{'ratio':1,'count':1},'groups':{'a':1}|/groups/a",
        "'modelId':'m','inputs':{'ratio':1,'count':1},'explain':1|/explain",
        "'modelId':'m','inputs':{'ratio':1,'count':1},'explain':'no'|/explain"
      })
  void read_badEnvelope_namesTheField(String fields, String pointer) {
    Problem problem = refused("{" + fields.replace('\'', '"') + "}");
    assertThat(problem.status()).isEqualTo(422);
    assertThat(problem.errors()).extracting(FieldError::pointer).contains(pointer);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "{\"modelId\":\"m\"",
        "{\"modelId\":\"m\",}",
        "{\"modelId\":\"m\",\"modelId\":\"m\",\"inputs\":{\"ratio\":1,\"count\":1}}",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":1,\"ratio\":1,\"count\":1}}",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":NaN,\"count\":1}}",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":Infinity,\"count\":1}}",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":01,\"count\":1}}",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":+1,\"count\":1}}",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":.5,\"count\":1}}",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":1,\"count\":1}} x",
        "{\"modelId\":\"m\",\"inputs\":{\"ratio\":1,\"count\":1}}{}",
        "{'modelId':'m'}",
        "{\"modelId\":\"m\",/* c */\"inputs\":{}}",
        "{\"modelId\":\"\\ud800\",\"inputs\":{}}",
        "\ufeff{\"modelId\":\"m\"}"
      })
  void read_malformedJson_is400(String body) {
    assertThat(refused(body).status()).isEqualTo(400);
  }

  @Test
  void read_utf16AndDeepNesting_are400() {
    byte[] utf16 = "{\"modelId\":\"m\"}".getBytes(StandardCharsets.UTF_16LE);
    assertThatThrownBy(() -> reader.read(utf16))
        .isInstanceOfSatisfying(Problem.class, p -> assertThat(p.status()).isEqualTo(400));
    assertThat(refused("{\"x\":" + "[".repeat(20_000) + "]".repeat(20_000) + "}").status())
        .isEqualTo(400);
  }

  @Test
  void read_unknownModel_is404() {
    Problem problem = refused("{\"modelId\":\"other\",\"inputs\":{}}");
    assertThat(problem.status()).isEqualTo(404);
    assertThat(problem.errors()).extracting(FieldError::pointer).containsExactly("/modelId");
  }

  @Test
  void read_manyErrors_areBounded() {
    StringBuilder inputs = new StringBuilder("{\"modelId\":\"m\",\"inputs\":{");
    for (int i = 0; i < 500; i++) {
      inputs.append("\"f").append(i).append("\":1,");
    }
    Problem problem = refused(inputs.append("\"ratio\":1,\"count\":1}}").toString());
    assertThat(problem.errors()).hasSize(16);
  }

  /** Whatever the order of keys and the blanks between them, the row is the same. */
  @Test
  void read_anyOrderOfKeys_givesTheSameRow() {
    long seed = System.nanoTime();
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 2_000; i++) {
      float ratio = (float) random.nextDouble(-1.5, 10);
      int count = random.nextInt(0, 101);
      List<String> inputs = new ArrayList<>(List.of("\"ratio\":" + ratio, "\"count\": " + count));
      Collections.shuffle(inputs, new java.util.Random(random.nextLong()));
      List<String> keys =
          new ArrayList<>(
              List.of(
                  "\"modelId\":\"m\"",
                  "\"inputs\" : {" + String.join(" ,\n", inputs) + "}",
                  "\"entityId\":\"é\""));
      Collections.shuffle(keys, new java.util.Random(random.nextLong()));
      ScoreCall call = read("{" + String.join(",", keys) + "}");
      assertThat(call.row()).as("seed %d", seed).containsExactly(ratio, (float) count);
      assertThat(call.entityId()).isEqualTo("é");
    }
  }
}
