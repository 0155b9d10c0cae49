package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.InferRequest.Output;
import io.apgms.ml.gateway.http.InferRequest.OutputName;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads inference requests: JSON, or JSON followed by the input tensor as raw little-endian values.
 * Every value is held against the model's schema, as {@code POST /ml/score} does.
 *
 * @see <a href="https://github.com/kserve/open-inference-protocol">Open Inference Protocol V2</a>
 * @see <a
 *     href="https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md">Binary
 *     tensor data extension</a>
 */
final class InferReader {
  /** Rows of one request. */
  static final int MAX_ROWS = 4_096;

  private static final int MAX_ERRORS = 16;
  private static final int MAX_ID = 128;
  private static final int MAX_TIMEOUT_MICROS = 60_000_000;
  private static final Set<String> KEYS = Set.of("id", "parameters", "inputs", "outputs");
  private static final Set<String> INPUT_KEYS =
      Set.of("name", "shape", "datatype", "parameters", "data");
  private static final Set<String> OUTPUT_KEYS = Set.of("name", "parameters");

  private final InputSchema schema;
  private final List<FieldError> errors = new ArrayList<>(0);

  private InferReader(InputSchema schema) {
    this.schema = schema;
  }

  /**
   * The request of a body.
   *
   * @param jsonBytes of the body that are JSON, as {@code Inference-Header-Content-Length} has it;
   *     the rest is the tensor
   * @throws Problem 400 malformed, 413 too many rows, 422 naming each field
   */
  static InferRequest read(byte[] body, int jsonBytes, InputSchema schema) {
    if (jsonBytes < 0 || jsonBytes > body.length) {
      throw Problem.field(
          400,
          "Inference-Header-Content-Length",
          jsonBytes + ", expected 0 to the body's " + body.length + " bytes");
    }
    byte[] json = jsonBytes == body.length ? body : Arrays.copyOf(body, jsonBytes);
    ByteBuffer tensor =
        ByteBuffer.wrap(body, jsonBytes, body.length - jsonBytes).order(ByteOrder.LITTLE_ENDIAN);
    return new InferReader(schema).request(StrictJson.object(json), tensor);
  }

  private InferRequest request(ObjectNode root, ByteBuffer tensor) {
    refuseUnknown(root, "", KEYS);
    JsonNode id = root.path("id");
    if (!id.isMissingNode() && (!id.isTextual() || characters(id.textValue()) > MAX_ID)) {
      refuse("/id", "expected a string of at most " + MAX_ID + " characters");
    }
    JsonNode parameters = parameters(root, "");
    List<Output> outputs =
        outputs(root.path("outputs"), flag(parameters, "", "binary_data_output"));
    Long timeoutMs = timeoutMs(parameters.path("timeout"));
    JsonNode inputs = root.path("inputs");
    if (!inputs.isArray() || inputs.size() != 1 || !inputs.get(0).isObject()) {
      refuse("/inputs", "expected an array of one tensor named input");
      throw Problem.fields(errors);
    }
    JsonNode input = inputs.get(0);
    int count = header(input);
    float[] rows = new float[count * schema.size()];
    JsonNode size = parameters(input, "/inputs/0").path("binary_data_size");
    if (size.isMissingNode()) {
      if (tensor.hasRemaining()) {
        throw Problem.of(
            400,
            tensor.remaining()
                + " bytes after the JSON, expected none without a"
                + " binary_data_size");
      }
      json(input.path("data"), rows);
    } else {
      binary(input, size, tensor, rows);
    }
    check();
    return new InferRequest(id.textValue(), rows, count, outputs, timeoutMs);
  }

  /** Checks name, type and shape; the number of rows. */
  private int header(JsonNode input) {
    refuseUnknown(input, "/inputs/0", INPUT_KEYS);
    if (!"input".equals(input.path("name").textValue())) {
      refuse("/inputs/0/name", quoted(input.path("name")) + ", expected 'input'");
    }
    width(input);
    JsonNode shape = input.path("shape");
    boolean matrix =
        shape.isArray()
            && shape.size() == 2
            && shape.get(0).canConvertToInt()
            && shape.get(0).isIntegralNumber()
            && shape.get(0).intValue() >= 1
            && shape.get(1).canConvertToInt()
            && shape.get(1).isIntegralNumber()
            && shape.get(1).intValue() == schema.size();
    if (!matrix) {
      refuse("/inputs/0/shape", quoted(shape) + ", expected [rows, " + schema.size() + "]");
    }
    check();
    int count = shape.get(0).intValue();
    if (count > MAX_ROWS) {
      throw Problem.field(413, "/inputs/0/shape", count + " rows, expected at most " + MAX_ROWS);
    }
    return count;
  }

  /** Bytes of one value; 0 for a type that is not taken. */
  private int width(JsonNode input) {
    String type = input.path("datatype").textValue();
    if ("FP32".equals(type)) {
      return Float.BYTES;
    }
    if ("FP64".equals(type)) {
      return Double.BYTES;
    }
    refuse("/inputs/0/datatype", quoted(input.path("datatype")) + ", expected 'FP32' or 'FP64'");
    return 0;
  }

  private void binary(JsonNode input, JsonNode size, ByteBuffer tensor, float[] rows) {
    int width = width(input);
    long expected = (long) rows.length * width;
    if (!size.isIntegralNumber() || !size.canConvertToLong() || size.longValue() != expected) {
      throw Problem.field(
          400,
          "/inputs/0/parameters/binary_data_size",
          quoted(size) + ", expected " + expected + " for this shape and datatype");
    }
    if (tensor.remaining() != expected) {
      throw Problem.of(400, tensor.remaining() + " bytes after the JSON, expected " + expected);
    }
    if (input.has("data")) {
      throw Problem.field(400, "/inputs/0/data", "beside binary data, expected one of the two");
    }
    int columns = schema.size();
    for (int i = 0, slot = 0; i < rows.length; i++, slot = slot + 1 == columns ? 0 : slot + 1) {
      double value = width == Float.BYTES ? tensor.getFloat() : tensor.getDouble();
      rows[i] = (float) value;
      if (!schema.takes(slot, value)) {
        refuseValue(i, value);
      }
    }
  }

  private void json(JsonNode data, float[] rows) {
    if (!data.isArray()) {
      throw Problem.field(
          422, "/inputs/0/data", "missing or no array, expected " + rows.length + " values");
    }
    int columns = schema.size();
    boolean nested = data.size() > 0 && data.get(0).isArray();
    if (!nested) {
      requireSize(data, rows.length, "/inputs/0/data");
    } else {
      requireSize(data, rows.length / columns, "/inputs/0/data");
    }
    for (int i = 0; i < rows.length; i++) {
      JsonNode value = data.get(i);
      if (nested) {
        JsonNode row = data.get(i / columns);
        if (i % columns == 0) {
          requireSize(row, columns, "/inputs/0/data/" + i / columns);
        }
        value = row.get(i % columns);
      }
      rows[i] = value(value, i);
    }
  }

  private static void requireSize(JsonNode array, int expected, String pointer) {
    if (!array.isArray() || array.size() != expected) {
      throw Problem.field(422, pointer, array.size() + " values, expected an array of " + expected);
    }
  }

  private float value(JsonNode node, int index) {
    int slot = index % schema.size();
    if (node.isNull() && schema.nullable(slot)) {
      return Float.NaN;
    }
    if (!node.isNumber()) {
      refuse(pointer(index), quoted(node) + ", expected " + schema.expected(slot));
      return Float.NaN;
    }
    double value = node.doubleValue();
    if (Double.isNaN(value) || !schema.takes(slot, value)) {
      refuseValue(index, value);
    }
    return (float) value;
  }

  private void refuseValue(int index, double value) {
    int slot = index % schema.size();
    refuse(pointer(index), value + ", expected " + schema.expected(slot));
  }

  private String pointer(int index) {
    int columns = schema.size();
    return "/inputs/0/data/" + index / columns + "/" + schema.name(index % columns);
  }

  private List<Output> outputs(JsonNode asked, boolean binaryByDefault) {
    if (asked.isMissingNode() || (asked.isArray() && asked.isEmpty())) {
      return List.of(
          new Output(OutputName.score, binaryByDefault),
          new Output(OutputName.recommendation, binaryByDefault));
    }
    if (!asked.isArray()) {
      refuse("/outputs", "expected an array");
      return List.of();
    }
    List<Output> outputs = new ArrayList<>();
    EnumSet<OutputName> seen = EnumSet.noneOf(OutputName.class);
    for (int i = 0; i < Math.min(asked.size(), MAX_ERRORS); i++) {
      JsonNode output = asked.get(i);
      String pointer = "/outputs/" + i;
      refuseUnknown(output, pointer, OUTPUT_KEYS);
      OutputName name = outputName(output.path("name").textValue());
      if (name == null || !seen.add(name)) {
        refuse(
            pointer + "/name",
            quoted(output.path("name"))
                + ", expected each of "
                + Arrays.toString(OutputName.values())
                + " once");
        continue;
      }
      JsonNode parameters = parameters(output, pointer);
      outputs.add(
          new Output(
              name,
              parameters.has("binary_data")
                  ? flag(parameters, pointer, "binary_data")
                  : binaryByDefault));
    }
    return outputs;
  }

  private static @Nullable OutputName outputName(@Nullable String text) {
    for (OutputName name : OutputName.values()) {
      if (name.name().equals(text)) {
        return name;
      }
    }
    return null;
  }

  /** The parameters of an object; some of the protocol's are of no use here and passed over. */
  private JsonNode parameters(JsonNode object, String pointer) {
    JsonNode parameters = object.path("parameters");
    if (!parameters.isMissingNode() && !parameters.isObject()) {
      refuse(pointer + "/parameters", quoted(parameters) + ", expected an object");
    }
    return parameters;
  }

  private boolean flag(JsonNode parameters, String pointer, String key) {
    JsonNode node = parameters.path(key);
    if (!node.isMissingNode() && !node.isBoolean()) {
      refuse(pointer + "/parameters/" + key, quoted(node) + ", expected a boolean");
    }
    return node.booleanValue();
  }

  /** The protocol has it in microseconds. */
  private @Nullable Long timeoutMs(JsonNode timeout) {
    if (timeout.isMissingNode()) {
      return null;
    }
    boolean whole = timeout.isIntegralNumber() && timeout.canConvertToInt();
    if (!whole || timeout.intValue() < 1_000 || timeout.intValue() > MAX_TIMEOUT_MICROS) {
      refuse(
          "/parameters/timeout",
          quoted(timeout) + " microseconds, expected 1000 to " + MAX_TIMEOUT_MICROS);
      return null;
    }
    return timeout.longValue() / 1_000;
  }

  private void refuseUnknown(JsonNode object, String pointer, Set<String> known) {
    object
        .fieldNames()
        .forEachRemaining(
            name -> {
              if (!known.contains(name)) {
                refuse(
                    pointer + "/" + FieldError.token(name),
                    "unknown, expected only " + known.stream().sorted().toList());
              }
            });
  }

  private static int characters(String text) {
    return text.codePointCount(0, text.length());
  }

  private static String quoted(JsonNode node) {
    return node.isMissingNode() ? "missing" : FieldError.quote(node.toString());
  }

  private void refuse(String pointer, String detail) {
    if (errors.size() < MAX_ERRORS) {
      errors.add(new FieldError(pointer, detail));
    }
  }

  private void check() {
    if (!errors.isEmpty()) {
      throw Problem.fields(errors);
    }
  }

  /** How many bytes of a body are JSON. */
  static int jsonBytes(@Nullable String header, int bodyBytes) {
    if (header == null) {
      return bodyBytes;
    }
    if (header.matches("[0-9]{1,9}")) {
      return Integer.parseInt(header);
    }
    throw Problem.field(
        400,
        "Inference-Header-Content-Length",
        FieldError.quote(header) + ", expected a number of bytes");
  }
}
