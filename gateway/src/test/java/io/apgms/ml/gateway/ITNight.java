package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A night: quiet traffic of real rows through two replicas, then customers with half the credit
 * limit. The gauge of one feature moves, and Prometheus and Alertmanager make of it one alert at
 * PagerDuty and, with that of the scores, one request for a retraining. Late answers and errors of
 * the same night are {@code ITIncident}'s.
 */
class ITNight {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(40);
  private static final String ALERT = "MLInferenceDriftDetected";
  private static final String OF = "{model=\"credit-default\"}";
  private static final String OVER =
      "apgms_ml_feature_drift_score > on(instance, model, version, feature)"
          + " apgms_ml_feature_drift_threshold";

  @TempDir Path dir;

  private NightShift on;
  private Prometheus prometheus;

  /** As shipped, but that drift of a moment fires. */
  private Path rules() throws IOException {
    String rules = Files.readString(Prometheus.RULES);
    String sooner = rules.replaceAll("(alert: MLInference(Score)?Drift(?s:.*?)for: )5m", "$1\\0s");
    assertThat(sooner).hasSameSizeAs(rules).isNotEqualTo(rules);
    return Files.writeString(dir.resolve("rules.yml"), sooner);
  }

  private void send(List<float[]> toOne, List<float[]> toOther, int rows) throws Exception {
    CreditRows.infer(on.services.get(0), toOne);
    CreditRows.infer(on.services.get(1), toOther);
    RunningService.await(
        BOUND, () -> prometheus.result("apgms_ml_drift_rows" + OF + " == " + rows).size() == 2);
  }

  /** Until each group of rules was evaluated twice on what is scraped from now on. */
  private void evaluated() throws Exception {
    Instant scraped = Instant.now().plusSeconds(1);
    RunningService.await(BOUND, () -> evaluatedSince(scraped));
    Instant again = Instant.now();
    RunningService.await(BOUND, () -> evaluatedSince(again));
  }

  private boolean evaluatedSince(Instant time) {
    try {
      JsonNode groups = prometheus.get("/api/v1/rules").at("/data/groups");
      assertThat(groups).isNotEmpty();
      for (JsonNode group : groups) {
        if (!Instant.parse(group.path("lastEvaluation").asText()).isAfter(time)) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private JsonNode get(String path) throws Exception {
    return RunningService.json(on.services.get(1).management("GET", path, null, on.oncall));
  }

  private JsonNode retrainings() throws Exception {
    return get("/admin/retrainings?modelId=credit-default").path("retrainings");
  }

  private Stream<JsonNode> told() {
    return on.pagerDuty.alerts().stream()
        .filter(e -> e.at("/payload/class").asText().equals(ALERT));
  }

  @Test
  void night_otherCustomersCome_isOneAlertAndOneRequest() throws Exception {
    List<float[]> rows = CreditRows.read();
    try (NightShift shift = new NightShift(dir, Map.of("ML_DRIFT_RETRAIN_AFTER_MS", "2000"));
        Alertmanager alertmanager = shift.alertmanager(dir);
        Prometheus scraping = new Prometheus(dir, rules(), shift.services, alertmanager.port())) {
      on = shift;
      prometheus = scraping;
      send(CreditRows.some(rows, 100, 1), CreditRows.some(rows, 100, 2), 200);
      evaluated();
      assertThat(prometheus.result("ALERTS{alertstate=\"firing\"}")).isEmpty();
      assertThat(prometheus.result(OVER)).isEmpty();
      assertThat(on.pagerDuty.alerts()).isEmpty();
      assertThat(retrainings()).isEmpty();

      send(
          CreditRows.shifted(CreditRows.some(rows, 2_000, 4)),
          CreditRows.shifted(CreditRows.some(rows, 2_000, 5)),
          4_200);
      RunningService.await(
          BOUND, () -> prometheus.fires(ALERT, "feature=\"" + CreditRows.SHIFTED + "\""));
      evaluated();
      JsonNode over = prometheus.result(OVER);
      assertThat(over).as("at both replicas").hasSize(2);
      assertThat(over.findValuesAsText("feature")).containsOnly(CreditRows.SHIFTED);
      assertThat(prometheus.result("ALERTS{alertname=\"" + ALERT + "\"}")).hasSize(1);
      reachesPagerDuty();
      asksOnce(alertmanager);
      driftLeads();
      assertThat(on.pagerDuty.refused()).isEmpty();
    }
  }

  private void reachesPagerDuty() throws Exception {
    RunningService.await(BOUND, () -> told().findAny().isPresent());
    assertThat(told().map(e -> e.path("dedup_key").asText()).distinct()).hasSize(1);
    JsonNode payload = told().findFirst().orElseThrow().path("payload");
    assertThat(payload.path("severity").asText()).as("nobody is woken").isEqualTo("warning");
    assertThat(payload.path("group").asText()).isEqualTo("credit-default");
    assertThat(payload.at("/custom_details/firing").asText())
        .contains(CreditRows.SHIFTED + " of credit-default " + CreditRows.VERSION);
  }

  private void asksOnce(Alertmanager alertmanager) throws Exception {
    RunningService.await(
        BOUND,
        () -> {
          try {
            return retrainings().size() == 1;
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
    double before = alertmanager.notifications("alertmanager_notifications_total", "webhook");
    RunningService.await(
        BOUND,
        () ->
            alertmanager.notifications("alertmanager_notifications_total", "webhook")
                >= before + 6);
    assertThat(retrainings()).hasSize(1);
    JsonNode made = retrainings().get(0);
    assertThat(made.path("cause").asText()).isEqualTo("drift");
    // The scores move with them: whichever alert is two seconds old first is what asks.
    assertThat(made.path("reason").asText())
        .containsAnyOf(CreditRows.SHIFTED, "the scores of credit-default");
    assertThat(made.at("/dataset/sha256").asText()).hasSize(64);
    assertThat(get("/admin/audit?limit=500").path("entries").findValuesAsText("action"))
        .filteredOn("retraining.open"::equals)
        .hasSize(1);
  }

  private void driftLeads() throws Exception {
    Map<String, String> settings =
        Map.of("ML_TOKEN", on.oncall, "ML_PROMETHEUS_URL", prometheus.url());
    String[] words = {"incident", "triage", "--json", "--since", "2m", "--model", "credit-default"};
    JsonNode triage = JSON.readTree(on.services.get(0).run(settings, 1, words));
    assertThat(triage.at("/leading/symptom").asText()).as(triage.toString()).isEqualTo("drift");
    assertThat(triage.at("/leading/detail").asText()).contains(CreditRows.SHIFTED);
    assertThat(triage.path("alertsTold").findValuesAsText("name")).contains(ALERT);
  }
}
