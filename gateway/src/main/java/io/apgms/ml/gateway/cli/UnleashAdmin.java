package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Calls of Unleash's Admin API as the bearer of an admin token. */
final class UnleashAdmin {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final URI api;
  private final String token;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .build();

  /**
   * @param api root of the API, {@code /admin} is below it
   */
  UnleashAdmin(URI api, String token) {
    this.api = api;
    this.token = token;
  }

  /** What is at a path; null where nothing is. */
  @Nullable JsonNode find(String path) {
    Answer answer = call("GET", path, null);
    return answer.status == 404 ? null : taken("GET", path, answer);
  }

  /**
   * Sends a body; what Unleash made of it.
   *
   * @throws Failure with exit code 1 where Unleash refuses it
   */
  JsonNode post(String path, JsonNode body) {
    return taken("POST", path, call("POST", path, body));
  }

  private record Answer(int status, JsonNode body) {}

  private Answer call(String method, String path, @Nullable JsonNode body) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(api + "/admin" + path))
            .timeout(Duration.ofSeconds(15))
            .header("Authorization", token)
            .header("Accept", "application/json");
    if (body == null) {
      request.method(method, BodyPublishers.noBody());
    } else {
      request.header("Content-Type", "application/json");
      request.method(method, BodyPublishers.ofString(body.toString()));
    }
    try {
      HttpResponse<String> answer = client.send(request.build(), BodyHandlers.ofString());
      return new Answer(answer.statusCode(), json(answer.body()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure(Failure.UNAVAILABLE, "interrupted");
    } catch (IOException e) {
      throw new Failure(Failure.UNAVAILABLE, "no answer from " + api + ": is Unleash running?");
    }
  }

  private static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance(); // told by its status, or missed where it is looked into
    }
  }

  private static JsonNode taken(String method, String path, Answer answer) {
    if (answer.status < 300) {
      return answer.body;
    }
    StringBuilder why = new StringBuilder();
    why.append(method).append(' ').append(path).append(" is answered ").append(answer.status);
    String message = answer.body.path("message").asText("");
    why.append(message.isEmpty() ? "" : ": " + message);
    for (JsonNode detail : answer.body.path("details")) {
      why.append("\n  ").append(detail.path("message").asText());
    }
    if (answer.status == 401 || answer.status == 403) {
      why.append("\n  expected UNLEASH_ADMIN_TOKEN to be an admin token of this Unleash");
    }
    if (answer.status == 409) {
      why.append("\n  the name is taken: by an archived flag, in another project, or just now");
    }
    throw new Failure(answer.status >= 500 ? Failure.UNAVAILABLE : Failure.NO, why.toString());
  }
}
