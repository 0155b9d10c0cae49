package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.http.InferRequest.Output;
import io.apgms.ml.gateway.http.InferRequest.OutputName;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.ServedModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InferReaderTest {
  private static final List<Feature> FEATURES =
      List.of(
          new Feature("ratio", FeatureType.number, -1.5, 10, true, null),
          new Feature("count", FeatureType.integer, 0, 100, false, null));
  private static final InputSchema SCHEMA = new InputSchema(FEATURES);
  private static final ServedModel MODEL =
      new ServedModel(
          "m",
          "20261123",
          "sha256:00",
          FEATURES,
          0.5,
          new Slo(0.999, 750),
          List.of(new GoldenRow(Map.of("ratio", 1.0, "count", 2.0), 0.5)));
  private static final String JSON =
      "{'inputs':[{'name':'input','shape':[2,2],'datatype':'FP32','data':%s}]%s}";
  private static final String BINARY =
      "{'inputs':[{'name':'input','shape':[%d,2],'datatype':'%s',"
          + "'parameters':{'binary_data_size':%d}}]}";

  private static byte[] bytes(String json) {
    return json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
  }

  private static InferRequest read(String json) {
    byte[] body = bytes(json);
    return InferReader.read(body, body.length, SCHEMA);
  }

  private static InferRequest binary(String header, byte[] tensor) {
    byte[] json = bytes(header);
    byte[] body = Arrays.copyOf(json, json.length + tensor.length);
    System.arraycopy(tensor, 0, body, json.length, tensor.length);
    return InferReader.read(body, json.length, SCHEMA);
  }

  private static byte[] tensor(String type, double... values) {
    boolean single = type.equals("FP32");
    ByteBuffer out =
        ByteBuffer.allocate(values.length * (single ? 4 : 8)).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      if (single) {
        out.putFloat((float) value);
      } else {
        out.putDouble(value);
      }
    }
    return out.array();
  }

  private static Problem refused(Runnable read) {
    try {
      read.run();
    } catch (Problem problem) {
      return problem;
    }
    throw new AssertionError("taken");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"[1.5,7,null,0]", "[[1.5,7],[null,0]]"})
  void read_jsonFlatOrNested_areTheRows(String data) {
    InferRequest request = read(JSON.formatted(data, ",'id':'r-1'"));
    assertThat(request.rows()).containsExactly(1.5f, 7f, Float.NaN, 0f);
    assertThat(request.count()).isEqualTo(2);
    assertThat(request.id()).isEqualTo("r-1");
    assertThat(request.outputs())
        .containsExactly(
            new Output(OutputName.score, false), new Output(OutputName.recommendation, false));
  }

  @ParameterizedTest
  @CsvSource({"FP32", "FP64"})
  void read_anyBinaryRows_areThoseOfJson(String type) {
    SplittableRandom random = new SplittableRandom(11);
    for (int round = 0; round < 500; round++) {
      int count = 1 + random.nextInt(40);
      double[] values = new double[count * 2];
      Arrays.setAll(
          values, i -> i % 2 == 0 ? (float) (random.nextDouble() * 11 - 1.5) : random.nextInt(101));
      byte[] tensor = tensor(type, values);
      InferRequest binary = binary(BINARY.formatted(count, type, tensor.length), tensor);
      String json =
          "{'inputs':[{'name':'input','shape':["
              + count
              + ",2],'datatype':'FP64','data':"
              + Arrays.toString(values)
              + "}]}";
      assertThat(binary.rows()).isEqualTo(read(json).rows());
    }
  }

  @Test
  void read_outputsNamed_areThoseInOrder() {
    InferRequest request =
        read(
            JSON.formatted(
                "[1,1,1,1]",
                ",'parameters':{'binary_data_output':true,'timeout':2500000},'outputs':["
                    + "{'name':'prediction_id'},"
                    + "{'name':'score','parameters':{'binary_data':false}}]"));
    assertThat(request.outputs())
        .containsExactly(
            new Output(OutputName.prediction_id, true), new Output(OutputName.score, false));
    assertThat(request.timeoutMs()).isEqualTo(2_500);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "{}|422|/inputs",
        "{'inputs':[]}|422|/inputs",
        "{'inputs':[1]}|422|/inputs",
        "{'inputs':[{'name':'x','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/inputs/0/name",
        "{'inputs':[{'name':'input','shape':[2],'datatype':'FP32','data':[1,1]}]}|422|/inputs/0/shape",
        "{'inputs':[{'name':'input','shape':[0,2],'datatype':'FP32','data':[]}]}|422|/inputs/0/shape",
        "{'inputs':[{'name':'input','shape':[1,3],'datatype':'FP32','data':[1]}]}|422|/inputs/0/shape",
        "{'inputs':[{'name':'input','shape':[1.5,2],'datatype':'FP32','data':[]}]}|422|/inputs/0/shape",
        "{'inputs':[{'name':'input','shape':[99999999999,2],'datatype':'FP32'}]}|422|/inputs/0/shape",
        "{'inputs':[{'name':'input','shape':[4097,2],'datatype':'FP32'}]}|413|/inputs/0/shape",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'INT8','data':[1,1]}]}|422|/inputs/0/datatype",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32'}]}|422|/inputs/0/data",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1]}]}|422|/inputs/0/data",
        "{'inputs':[{'name':'input','shape':[2,2],'datatype':'FP32','data':[[1,1],[1]]}]}|422|/inputs/0/data/1",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[11,1]}]}|422|/inputs/0/data/0/ratio",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1.5]}]}|422|/inputs/0/data/0/count",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,null]}]}|422|/inputs/0/data/0/count",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':['1',1]}]}|422|/inputs/0/data/0/ratio",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1],'more':1}]}|422|/inputs/0/more",
        "{'more':1,'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/more",
        "{'id':7,'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/id",
        "{'outputs':7,'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/outputs",
        "{'outputs':[{'name':'x'}],'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/outputs/0/name",
        "{'parameters':{'timeout':0},'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/parameters/timeout",
        "{'parameters':{'timeout':60000001},'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/parameters/timeout",
        "{'parameters':{'timeout':18446744073709556616},'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/parameters/timeout",
        "{'parameters':7,'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/parameters",
        "{'outputs':[{'name':'score','more':1}],'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/outputs/0/more",
        "{'outputs':[{'name':'score','parameters':[]}],'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/outputs/0/parameters",
        "{'outputs':[{'name':'score','parameters':{'binary_data':1}}],'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','data':[1,1]}]}|422|/outputs/0/parameters/binary_data",
        "{'inputs':[{'name':'input','shape':[1,18446744073709551618],'datatype':'FP32'}]}|422|/inputs/0/shape",
        "{'inputs':[{'name':'input','shape':[1,2],'datatype':'FP32','parameters':'x','data':[1,1]}]}|422|/inputs/0/parameters",
      })
  void read_wrongField_isNamed(String json, int status, String pointer) {
    Problem problem = refused(() -> read(json));
    assertThat(problem.status()).isEqualTo(status);
    assertThat(problem.errors()).extracting(FieldError::pointer).contains(pointer);
  }

  @Test
  void read_id_isBoundedInCharacters() {
    String longest = "\uD83D\uDE00".repeat(128);
    assertThat(read(JSON.formatted("[1,1,1,1]", ",'id':'" + longest + "'")).id())
        .isEqualTo(longest);
    assertThat(
            refused(() -> read(JSON.formatted("[1,1,1,1]", ",'id':'" + longest + "x'"))).status())
        .isEqualTo(422);
  }

  @Test
  void read_binarySizes_mustAgree() {
    byte[] two = tensor("FP32", 1, 1);
    assertThat(refused(() -> binary(BINARY.formatted(1, "FP32", 9), two)).status()).isEqualTo(400);
    assertThat(refused(() -> binary(BINARY.formatted(2, "FP32", 16), two)).status()).isEqualTo(400);
    String wrapped = BINARY.replace("%d}", "18446744073709551624}").formatted(1, "FP32");
    assertThat(refused(() -> binary(wrapped, two)).status()).isEqualTo(400);
    assertThat(refused(() -> binary(JSON.formatted("[1,1,1,1]", ""), two)).status()).isEqualTo(400);
    assertThat(refused(() -> InferReader.read(two, 9, SCHEMA)).status()).isEqualTo(400);
    assertThat(refused(() -> InferReader.jsonBytes("-1", 9)).status()).isEqualTo(400);
    assertThat(InferReader.jsonBytes(null, 9)).isEqualTo(9);
  }

  @ParameterizedTest
  @CsvSource({"Infinity,1", "1,NaN", "1,1.5", "-Infinity,1", "1,-1"})
  void read_binaryOutOfRange_isRefused(double ratio, double count) {
    byte[] tensor = tensor("FP32", ratio, count);
    assertThat(refused(() -> binary(BINARY.formatted(1, "FP32", 8), tensor)).status())
        .isEqualTo(422);
  }

  @Test
  void write_everyOutput_readsBack() throws Exception {
    double[] scores = {0.123457, 0.5, 1};
    List<UUID> ids = List.of(UUID.randomUUID(), UUID.randomUUID(), UUID.randomUUID());
    InferRequest asked =
        new InferRequest(
            "a\"b",
            new float[0],
            3,
            List.of(
                new Output(OutputName.score, true),
                new Output(OutputName.recommendation, false),
                new Output(OutputName.prediction_id, true)),
            null);
    InferWriter.Answer answer = new InferWriter(MODEL, scores, ids).write(asked);
    assertThat(answer.binary()).isTrue();
    JsonNode json = new ObjectMapper().readTree(answer.body().getBytes(0, answer.jsonBytes()));
    assertThat(json.path("id").asText()).isEqualTo("a\"b");
    assertThat(json.path("model_version").asText()).isEqualTo("20261123");
    assertThat(json.at("/outputs/1/data").toString())
        .isEqualTo("[\"allow\",\"review\",\"review\"]");
    assertThat(json.at("/outputs/0/parameters/binary_data_size").asInt()).isEqualTo(24);
    ByteBuffer tensors =
        ByteBuffer.wrap(answer.body().getBytes(answer.jsonBytes(), answer.body().length()))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (double score : scores) {
      assertThat(tensors.getDouble()).isEqualTo(score);
    }
    for (UUID id : ids) {
      byte[] text = new byte[tensors.getInt()];
      tensors.get(text);
      assertThat(new String(text, StandardCharsets.UTF_8)).isEqualTo(id.toString());
    }
    assertThat(tensors.hasRemaining()).isFalse();
  }

  /** Any bytes, split anywhere, are refused as such or give values that the schema takes. */
  @FuzzTest
  void read_anyBytes_areRefusedOrWithinTheSchema(byte[] data) {
    int json = data.length < 2 ? 0 : Math.min(data.length - 1, data[0] & 0xff);
    byte[] body = data.length == 0 ? data : Arrays.copyOfRange(data, 1, data.length);
    try {
      InferRequest request = InferReader.read(body, json, SCHEMA);
      assertThat(request.rows()).hasSize(request.count() * 2);
      for (int i = 0; i < request.rows().length; i++) {
        assertThat(SCHEMA.takes(i % 2, request.rows()[i])).isTrue();
      }
    } catch (Problem problem) {
      assertThat(problem.status()).isBetween(400, 422);
    }
  }
}
