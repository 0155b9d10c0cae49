package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** A model as the API listener serves it, asked as the bearer of {@code ML_TOKEN}. Blocking. */
final class LiveModel {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final int MAX_PAGES = 20;

  private final String model;
  private final String url;
  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  LiveModel(String model, String url) {
    this.model = model;
    this.url = url;
  }

  String model() {
    return model;
  }

  /**
   * Scores rows by the Open Inference Protocol, which decides in observe and enforces nothing.
   *
   * @param rows in tensor order, NaN where missing
   * @return one score a row
   * @throws Failure with what the service answered where it did not score them
   */
  double[] score(String version, List<float[]> rows) throws InterruptedException {
    ObjectNode body = JSON.createObjectNode();
    ObjectNode input = body.putArray("inputs").addObject().put("name", "input");
    input.put("datatype", "FP32");
    input.putArray("shape").add(rows.size()).add(rows.get(0).length);
    ArrayNode data = input.putArray("data");
    for (float[] row : rows) {
      for (float cell : row) {
        if (Float.isNaN(cell)) {
          data.addNull();
        } else {
          data.add(cell);
        }
      }
    }
    String path = "/v2/models/" + model + "/versions/" + version + "/infer";
    JsonNode answer =
        send(
            HttpRequest.newBuilder(URI.create(url + path))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body.toString())));
    for (JsonNode output : answer.path("outputs")) {
      if (output.path("name").asText().equals("score")
          && output.path("data").size() == rows.size()) {
        double[] scores = new double[rows.size()];
        for (int i = 0; i < scores.length; i++) {
          scores[i] = output.path("data").get(i).asDouble(Double.NaN);
        }
        return scores;
      }
    }
    throw new Failure(Failure.NO, "no scores in the answer to " + rows.size() + " rows");
  }

  /**
   * Reads a list, page by page, at most {@value #MAX_PAGES} of them.
   *
   * @return whether there is more of it
   */
  boolean list(String pathAndQuery, String items, Consumer<JsonNode> each)
      throws InterruptedException {
    String cursor = "";
    for (int page = 0; page < MAX_PAGES; page++) {
      JsonNode answer = get(pathAndQuery + cursor);
      answer.path(items).forEach(each);
      String next = answer.path("nextCursor").isNull() ? "" : answer.path("nextCursor").asText();
      if (next.isEmpty()) {
        return false;
      }
      cursor = "&cursor=" + next;
    }
    return true;
  }

  /** A page of a list. */
  JsonNode get(String pathAndQuery) throws InterruptedException {
    return send(HttpRequest.newBuilder(URI.create(url + pathAndQuery)).GET());
  }

  private JsonNode send(HttpRequest.Builder request) throws InterruptedException {
    String token = System.getenv().getOrDefault("ML_TOKEN", "");
    if (!token.isEmpty()) {
      request.header("Authorization", "Bearer " + token);
    }
    try {
      HttpResponse<String> response =
          client.send(request.timeout(BOUND).build(), BodyHandlers.ofString());
      return AdminClient.answer(response);
    } catch (IOException e) {
      throw new Failure(
          Failure.UNAVAILABLE, "no whole answer from " + url + ": is the service running?");
    }
  }
}
