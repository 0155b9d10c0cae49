package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.gateway.cli.RollbackReport.Item;
import io.apgms.ml.gateway.cli.RollbackReport.Outcome;
import io.apgms.ml.gateway.incident.PrometheusReader;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;

/** What Prometheus says of a model: {@code GET /api/v1/alerts} of its HTTP API. */
final class Alerts {
  private static final Duration BOUND = Duration.ofSeconds(5);
  private static final String FIRING = "firing";

  private Alerts() {}

  /** Fails while an alert fires that is of this model, or of no model. */
  static Item check(String url, String model) {
    if (url.isEmpty()) {
      return new Item("alerts", Outcome.skipped, "ML_PROMETHEUS_URL is not set");
    }
    try {
      return judged(new PrometheusReader(url, BOUND).alerts(), model);
    } catch (IOException e) {
      String why = IncidentReads.firstLine(e);
      return new Item("alerts", Outcome.fail, "Prometheus cannot be asked at " + url + ": " + why);
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
