package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.cli.RollbackReport.Item;
import io.apgms.ml.gateway.cli.RollbackReport.Outcome;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;

/** What Prometheus says of a model: {@code GET /api/v1/alerts} of its HTTP API. */
final class Alerts {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(5);
  private static final String FIRING = "firing";

  private Alerts() {}

  /** Fails while an alert fires that is of this model, or of no model. */
  static Item check(String url, String model) throws InterruptedException {
    if (url.isEmpty()) {
      return new Item("alerts", Outcome.skipped, "ML_PROMETHEUS_URL is not set");
    }
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url.replaceAll("/+$", "") + "/api/v1/alerts"))
            .timeout(BOUND)
            .build();
    try {
      HttpResponse<String> answer =
          HttpClient.newBuilder()
              .connectTimeout(BOUND)
              .build()
              .send(request, BodyHandlers.ofString());
      JsonNode body = JSON.readTree(answer.body());
      if (answer.statusCode() != 200 || !body.path("status").asText().equals("success")) {
        return new Item(
            "alerts", Outcome.fail, "Prometheus answers " + answer.statusCode() + ", expected 200");
      }
      return judged(body.at("/data/alerts"), model);
    } catch (IOException e) {
      return new Item("alerts", Outcome.fail, "Prometheus cannot be asked at " + url);
    }
  }

  private static Item judged(JsonNode alerts, String model) {
    Set<String> firing = new TreeSet<>();
    for (JsonNode alert : alerts) {
      String of = alert.at("/labels/model").asText("");
      if (alert.path("state").asText().equals(FIRING) && (of.isEmpty() || of.equals(model))) {
        firing.add(alert.at("/labels/alertname").asText("an alert without a name"));
      }
    }
    return firing.isEmpty()
        ? new Item("alerts", Outcome.pass, "none fires")
        : new Item("alerts", Outcome.fail, String.join(", ", firing) + " firing");
  }
}
