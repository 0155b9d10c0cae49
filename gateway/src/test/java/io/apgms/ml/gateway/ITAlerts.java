package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.pagerduty.PagerDutyStub;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * From a request to a page, and from an alert to a request for a retraining: Prometheus and
 * Alertmanager as they are, two replicas over one PostgreSQL, a loopback PagerDuty.
 */
class ITAlerts {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(40);

  @TempDir Path dir;

  private NightShift night;

  /** The rules, sooner: what holds for a moment fires, and is forgotten in seconds. */
  private Path soon() throws IOException {
    String rules = Files.readString(Prometheus.RULES);
    String sooner = rules.replaceAll("for: [0-9]+[smh]", "for: 0s").replace("[5m]", "[5s]");
    assertThat(sooner).isNotEqualTo(rules).contains("apgms_ml_action_capped_total[5s]");
    return Files.writeString(dir.resolve("rules.yml"), sooner);
  }

  private static String drift(String model, Duration ago, String close) {
    return """
        {"status":"firing","labels":{"alertname":"MLInferenceDriftDetected","severity":"ticket",\
        "model":"%s","version":"20261123","feature":"liquidity_ratio"},\
        "annotations":{"summary":"liquidity_ratio has drifted: PSI 0.31"},"startsAt":"%s",%s}"""
        .formatted(model, Instant.now().minus(ago), close);
  }

  /** As Alertmanager would send it. */
  static String group(String model, Duration ago) {
    return "{\"version\":\"4\",\"alerts\":["
        + drift(model, ago, "\"fingerprint\":\"" + Integer.toHexString(model.hashCode()) + "\"")
        + "]}";
  }

  private HttpResponse<String> call(int replica, String method, String path, String body, String as)
      throws Exception {
    return night.services.get(replica).management(method, path, body, as);
  }

  private JsonNode get(int replica, String path) {
    try {
      return RunningService.json(call(replica, "GET", path, null, night.oncall));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private JsonNode retrainings(String model) {
    return get(1, "/admin/retrainings?modelId=" + model).path("retrainings");
  }

  private JsonNode decide() throws Exception {
    return RunningService.json(night.services.get(0).api("POST", "/ml/score", ITFaults.CASE));
  }

  private Stream<JsonNode> pages(String action) {
    return night.pagerDuty.alerts().stream()
        .filter(e -> e.at("/payload/class").asText().equals("MLActionCapReached"))
        .filter(e -> e.path("event_action").asText().equals(action));
  }

  @Test
  void alerts_ofANight_pageTellAndAskOnce() throws Exception {
    try (NightShift on = new NightShift(dir, Map.of("ML_ACTION_CAP", "1"))) { // a minute
      night = on;
      labelOfTwoDaysAgo();
      refusedAndWaiting();
      try (Alertmanager alertmanager = on.alertmanager(dir);
          Prometheus prometheus = new Prometheus(dir, soon(), on.services, alertmanager.port())) {
        RunningService.await(
            BOUND, () -> prometheus.result("apgms_ml_action_capped_total").size() == 4);
        for (int i = 0; i < 8; i++) {
          decide(); // one is held, the others are over the cap
        }
        driftAsksOnce(alertmanager);
        sameMomentAtBothReplicas();
        rollbackIsNoted();
        pageAndItsEnd();
        assertThat(alertmanager.logText()).doesNotContain(PagerDutyStub.KEY, night.hook);
      }
      datasetIsTheExport();
      assertThat(night.pagerDuty.refused()).isEmpty();
      for (RunningService service : night.services) {
        assertThat(service.logText()).doesNotContain(PagerDutyStub.KEY, night.hook);
      }
    }
  }

  /** Of the window that is hashed, which ends a minute ago. */
  private void labelOfTwoDaysAgo() throws Exception {
    RunningService.await(
        BOUND,
        () -> {
          try {
            return decide().at("/decision/mode").asText().equals("act");
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
    String id = decide().path("predictionId").asText();
    String label = ITFaults.label(id, "TRUE_POSITIVE");
    assertThat(night.services.get(0).api("POST", "/ml/feedback", label).statusCode())
        .isEqualTo(201);
    sql(
        "UPDATE feedback.model_feedback SET id = (lpad(to_hex((extract(epoch FROM now()"
            + " - interval '2 days') * 1000)::bigint), 12, '0')"
            + " || substr(replace(id::text, '-', ''), 13))::uuid");
  }

  private void sql(String statement) throws SQLException {
    try (Connection connection = night.postgres.getPostgresDatabase().getConnection();
        Statement s = connection.createStatement()) {
      s.execute(statement);
    }
  }

  private void refusedAndWaiting() throws Exception {
    String hourOld = group("risk-score", Duration.ofHours(1));
    assertThat(call(0, "POST", "/admin/alerts", hourOld, null).statusCode()).isEqualTo(401);
    assertThat(call(0, "POST", "/admin/alerts", hourOld, night.hook + "x").statusCode())
        .isEqualTo(401);
    assertThat(call(0, "POST", "/admin/alerts", hourOld, night.oncall).statusCode()).isEqualTo(403);
    assertThat(get(0, "/admin/alerts").path("alerts")).as("of those nothing is kept").isEmpty();
    JsonNode taken = RunningService.json(call(0, "POST", "/admin/alerts", hourOld, night.hook));
    assertThat(taken.path("received").asInt()).isOne();
    assertThat(Instant.parse(taken.at("/waiting/0/opensAt").asText()))
        .isBetween(Instant.now().plusSeconds(3_000), Instant.now().plusSeconds(3_600));
    String unknown = group("nobody", Duration.ofHours(9));
    JsonNode ignored = RunningService.json(call(1, "POST", "/admin/alerts", unknown, night.hook));
    assertThat(ignored.path("received").asInt()).isOne();
    assertThat(ignored.path("opened").size() + ignored.path("waiting").size()).isZero();
    assertThat(get(0, "/admin/alerts").path("alerts")).hasSize(2);
    assertThat(retrainings("risk-score")).isEmpty();
  }

  /** Told to Alertmanager, which tells both replicas each second from then on. */
  private void driftAsksOnce(Alertmanager alertmanager) throws Exception {
    String endsAt = "\"endsAt\":\"" + Instant.now().plusSeconds(600) + "\"";
    alertmanager.tell(
        "["
            + drift("risk-score", Duration.ofHours(3), endsAt).replace("\"status\":\"firing\",", "")
            + "]");
    RunningService.await(BOUND, () -> retrainings("risk-score").size() == 1);
    JsonNode made = retrainings("risk-score").get(0);
    assertThat(made.path("cause").asText()).isEqualTo("drift");
    assertThat(made.path("state").asText()).isEqualTo("open");
    assertThat(made.path("actor").asText()).isEqualTo("alertmanager");
    assertThat(made.path("reason").asText()).contains("fires since", "PSI 0.31");
    double told = alertmanager.notifications("alertmanager_notifications_total", "webhook");
    RunningService.await(
        BOUND,
        () ->
            alertmanager.notifications("alertmanager_notifications_total", "webhook") >= told + 6);
    assertThat(alertmanager.notifications("alertmanager_notifications_failed_total", "webhook"))
        .isZero();
    assertThat(retrainings("risk-score")).hasSize(1);
  }

  private void sameMomentAtBothReplicas() throws Exception {
    String due = group("credit-default", Duration.ofHours(3));
    List<CompletableFuture<JsonNode>> calls = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      int replica = i % 2;
      calls.add(
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  HttpResponse<String> answer =
                      call(replica, "POST", "/admin/alerts", due, night.hook);
                  assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
                  return RunningService.json(answer);
                } catch (Exception e) {
                  throw new AssertionError(e);
                }
              }));
    }
    List<JsonNode> answers = calls.stream().map(CompletableFuture::join).toList();
    assertThat(answers).filteredOn(a -> a.path("opened").size() == 1).hasSize(1);
    assertThat(answers).filteredOn(a -> a.path("known").size() == 1).hasSize(11);
    assertThat(retrainings("credit-default")).hasSize(1);
    long opened = 0;
    for (JsonNode entry : get(0, "/admin/audit?limit=500").path("entries")) {
      opened += entry.path("action").asText().equals("retraining.open") ? 1 : 0;
    }
    assertThat(opened).as("one for each model").isEqualTo(2);
  }

  private void rollbackIsNoted() throws Exception {
    String body = "{\"reason\":\"false positives\",\"incident\":\"INC-7\"}";
    HttpResponse<String> done =
        call(1, "POST", "/admin/models/risk-score/rollback", body, night.oncall);
    assertThat(done.statusCode()).as(done.body()).isEqualTo(200);
    RunningService.await(BOUND, () -> !night.pagerDuty.changes().isEmpty());
    JsonNode payload = night.pagerDuty.changes().get(0).path("payload");
    assertThat(payload.path("summary").asText())
        .isEqualTo("risk-score: rolled back from 20261123 to 20261116, by olga: false positives");
    assertThat(payload.at("/custom_details/incident").asText()).isEqualTo("INC-7");
    assertThat(payload.at("/custom_details/auditId").asText())
        .isEqualTo(RunningService.json(done).path("auditId").asText());
    String mode = "{\"mode\":\"observe\",\"reason\":\"INC-7\"}";
    assertThat(call(0, "PUT", "/admin/decision-mode", mode, night.oncall).statusCode())
        .isEqualTo(200);
    RunningService.await(BOUND, () -> night.pagerDuty.changes().size() == 2);
    assertThat(night.pagerDuty.changes().get(1).at("/payload/summary").asText())
        .isEqualTo("every model: observe is forced, by olga: INC-7");
  }

  private void pageAndItsEnd() throws Exception {
    RunningService.await(BOUND, () -> pages("resolve").count() == 1);
    JsonNode page = pages("trigger").findFirst().orElseThrow();
    assertThat(page.at("/payload/severity").asText()).isEqualTo("critical");
    assertThat(page.at("/payload/group").asText()).isEqualTo("risk-score");
    assertThat(page.at("/payload/custom_details/firing").asText()).contains("ML_ACTION_CAP");
    assertThat(pages("resolve").map(e -> e.path("dedup_key").asText()))
        .containsOnly(page.path("dedup_key").asText());
    RunningService.await(
        BOUND,
        () ->
            get(0, "/admin/alerts").path("alerts").findParents("name").stream()
                .anyMatch(
                    a ->
                        a.path("name").asText().equals("MLActionCapReached")
                            && a.path("endsAt").isTextual()));
  }

  /** The hash in the request is that of the file that its own line tells to make. */
  private void datasetIsTheExport() throws Exception {
    RunningService service = night.services.get(0);
    Map<String, String> as = Map.of("ML_TOKEN", night.oncall);
    JsonNode made = retrainings("risk-score").get(0);
    JsonNode dataset = made.path("dataset");
    assertThat(dataset.path("rows").asInt()).isOne();
    String line = service.run(as, 0, "retraining", "list", "--model", "risk-score");
    assertThat(line).contains("MLRETRAIN-", "drift  open", dataset.path("sha256").asText());
    String export = line.substring(line.indexOf("feedback export")).strip();
    List<String> command = new ArrayList<>(List.of(export.split(" ")));
    command.addAll(List.of("--out", dir.resolve("out").toString(), "--json"));
    JsonNode file = JSON.readTree(service.run(Map.of(), 0, command.toArray(String[]::new)));
    assertThat(file.path("rows").asInt()).isOne();
    assertThat(file.path("sha256").asText()).isEqualTo(dataset.path("sha256").asText());
  }

  private static int amtool(Path file) throws Exception {
    Process p =
        new ProcessBuilder("amtool", "check-config", file.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(said).contains("Checking");
    return p.waitFor();
  }

  @Test
  void config_asItIsShipped_isTakenAndABrokenOneIsNot() throws Exception {
    Prometheus.install();
    assertThat(amtool(Alertmanager.CONFIG)).isZero();
    String broken =
        Files.readString(Alertmanager.CONFIG).replace("receiver: pagerduty", "receiver: x");
    assertThat(amtool(Files.writeString(dir.resolve("broken.yml"), broken))).isNotZero();
  }
}
