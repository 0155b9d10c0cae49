package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options and the call that every command against a running service shares. */
final class AdminClient {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec(Spec.Target.MIXEE)
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(
      names = "--url",
      defaultValue = "${env:ML_URL:-http://127.0.0.1:9090}",
      description = "management address of the service (default ${DEFAULT-VALUE})")
  private String url = "";

  @Option(names = "--json", description = "print the answer as JSON")
  private boolean json;

  boolean json() {
    return json;
  }

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  PrintWriter err() {
    return spec.commandLine().getErr();
  }

  /**
   * Calls the service as the bearer of {@code ML_TOKEN}.
   *
   * @param body sent as JSON; null for none
   * @throws Failure with exit code 1 where the service says no, 3 where it cannot be asked
   */
  JsonNode call(String method, String path, @Nullable Object body) {
    return answer(send(method, path, body));
  }

  /** The text of a route that answers none in JSON. */
  String text(String path) {
    HttpResponse<String> response = send("GET", path, null);
    if (response.statusCode() != 200) {
      throw new Failure(Failure.UNAVAILABLE, "answer " + response.statusCode() + " to GET " + path);
    }
    return response.body();
  }

  private HttpResponse<String> send(String method, String path, @Nullable Object body) {
    String token = System.getenv().getOrDefault("ML_TOKEN", "");
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url + path))
            .timeout(Duration.ofSeconds(30))
            .header("Idempotency-Key", UUID.randomUUID().toString());
    if (!token.isEmpty()) {
      request.header("Authorization", "Bearer " + token);
    }
    try {
      if (body == null) {
        request.method(method, BodyPublishers.noBody());
      } else {
        request.header("Content-Type", "application/json");
        request.method(method, BodyPublishers.ofString(JSON.writeValueAsString(body)));
      }
      HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
      return client.send(request.build(), BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure(Failure.UNAVAILABLE, "interrupted");
    } catch (IOException e) {
      throw new Failure(Failure.UNAVAILABLE, "no answer from " + url + ": is the service running?");
    }
  }

  /** The answer's JSON; where it is no success, the failure that a command ends with. */
  static JsonNode answer(HttpResponse<String> response) {
    return answer(response.statusCode(), response.body());
  }

  static JsonNode answer(int status, String text) {
    JsonNode body = MissingNode.getInstance();
    try {
      body = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      // told below by its status
    }
    if (status < 300) {
      return body;
    }
    StringBuilder why = new StringBuilder(body.path("detail").asText("no detail"));
    for (JsonNode error : body.path("errors")) {
      String pointer = error.path("pointer").asText();
      why.append("\n  ").append(pointer.isEmpty() ? "" : pointer + ": ");
      why.append(error.path("detail").asText());
    }
    if (status == 401) {
      why.append(
          "\n  set ML_TOKEN, e.g. ML_TOKEN=$(bin/ml-service token --subject you --role oncall)");
    }
    int exit = status >= 500 ? Failure.UNAVAILABLE : Failure.NO;
    throw new Failure(exit, "answer " + status + ": " + why);
  }

  /** Prints the answer as JSON where that was asked for. */
  boolean printedAsJson(JsonNode answer) {
    if (json) {
      out().println(answer.toPrettyString());
    }
    return json;
  }
}
