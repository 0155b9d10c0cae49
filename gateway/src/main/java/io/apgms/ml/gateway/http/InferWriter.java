package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.apgms.ml.gateway.http.InferRequest.Output;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;

/**
 * Writes the answer of an inference: JSON, then the outputs that were asked for in binary, each
 * little-endian, texts with their length before them.
 */
final class InferWriter {
  private static final byte[] REVIEW = bytes("review");
  private static final byte[] ALLOW = bytes("allow");
  private static final int JSON_BYTES_A_VALUE = 24;

  /** What is answered; {@code jsonBytes} of the body are JSON. */
  record Answer(Buffer body, int jsonBytes) {
    boolean binary() {
      return jsonBytes < body.length();
    }
  }

  private final ServedModel model;
  private final double[] scores;
  private final List<UUID> ids;

  InferWriter(ServedModel model, double[] scores, List<UUID> ids) {
    this.model = model;
    this.scores = scores;
    this.ids = ids;
  }

  Answer write(InferRequest request) {
    StringBuilder json = new StringBuilder(256 + scores.length * JSON_BYTES_A_VALUE);
    json.append("{\"model_name\":\"").append(model.modelId());
    json.append("\",\"model_version\":\"").append(model.version()).append('"');
    if (request.id() != null) {
      json.append(",\"id\":\"");
      JsonStringEncoder.getInstance().quoteAsString(request.id(), json);
      json.append('"');
    }
    json.append(",\"outputs\":[");
    Buffer tensors = Buffer.buffer(scores.length * Double.BYTES * request.outputs().size());
    String comma = "";
    for (Output output : request.outputs()) {
      json.append(comma).append("{\"name\":\"").append(output.name().name());
      json.append("\",\"datatype\":\"").append(output.name().datatype);
      json.append("\",\"shape\":[").append(scores.length).append(']');
      if (output.binary()) {
        int before = tensors.length();
        binary(output, tensors);
        int size = tensors.length() - before;
        json.append(",\"parameters\":{\"binary_data_size\":").append(size).append('}');
      } else {
        data(output, json);
      }
      json.append('}');
      comma = ",";
    }
    Buffer body = Buffer.buffer(json.append("]}").toString());
    int jsonBytes = body.length();
    return new Answer(body.appendBuffer(tensors), jsonBytes);
  }

  private void data(Output output, StringBuilder json) {
    json.append(",\"data\":[");
    for (int i = 0; i < scores.length; i++) {
      if (i > 0) {
        json.append(',');
      }
      switch (output.name()) {
        case score -> ScoreHandler.sixDecimals(json, scores[i]);
        case recommendation -> json.append(review(i) ? "\"review\"" : "\"allow\"");
        case prediction_id -> json.append('"').append(ids.get(i)).append('"');
      }
    }
    json.append(']');
  }

  private void binary(Output output, Buffer tensors) {
    for (int i = 0; i < scores.length; i++) {
      switch (output.name()) {
        case score -> tensors.appendDoubleLE(scores[i]);
        case recommendation -> text(tensors, review(i) ? REVIEW : ALLOW);
        case prediction_id -> text(tensors, bytes(ids.get(i).toString()));
      }
    }
  }

  private static void text(Buffer tensors, byte[] utf8) {
    tensors.appendIntLE(utf8.length).appendBytes(utf8);
  }

  private boolean review(int row) {
    return scores[row] >= model.threshold();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
