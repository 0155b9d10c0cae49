package io.apgms.ml.gateway.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.time.Duration;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options and the calls of commands that speak to the API listener. */
final class ApiClient {
  @Spec(Spec.Target.MIXEE)
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(
      names = "--url",
      defaultValue = "${env:ML_API_URL:-http://127.0.0.1:8080}",
      description = "API address of the service (default ${DEFAULT-VALUE})")
  private String url = "";

  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  PrintWriter err() {
    return spec.commandLine().getErr();
  }

  /**
   * Calls the service as the bearer of {@code ML_TOKEN}.
   *
   * @param type of the body
   */
  <T> HttpResponse<T> call(
      String method, String path, String type, BodyPublisher body, BodyHandler<T> handler) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url + path))
            .timeout(Duration.ofMinutes(5))
            .header("Content-Type", type)
            .method(method, body);
    String token = System.getenv().getOrDefault("ML_TOKEN", "");
    if (!token.isEmpty()) {
      request.header("Authorization", "Bearer " + token);
    }
    try {
      return client.send(request.build(), handler);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure(Failure.UNAVAILABLE, "interrupted");
    } catch (IOException e) {
      throw new Failure(
          Failure.UNAVAILABLE, "no whole answer from " + url + ": is the service running?");
    }
  }
}
