package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code rollback --verify}: what it says of a service that is well, and of one that is not. */
class ITRollbackReport {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;
  private final Vertx vertx = Vertx.vertx();
  private volatile String alerts = alerts("");
  private HttpServer prometheus;
  private ApprovalRun copy;
  private RunningService service;

  /** As Prometheus answers. */
  private static String alerts(String items) {
    return "{\"status\":\"success\",\"data\":{\"alerts\":[" + items + "]}}";
  }

  private static String alert(String name, String model, String state) {
    return "{\"labels\":{\"alertname\":\"%s\",\"model\":\"%s\"},\"state\":\"%s\"}"
        .formatted(name, model, state);
  }

  @BeforeEach
  void start() throws Exception {
    prometheus =
        PlantedService.await(
            vertx
                .createHttpServer()
                .requestHandler(request -> request.response().end(alerts))
                .listen(0, "127.0.0.1"));
    copy = new ApprovalRun(dir);
    Map<String, String> settings = Acting.settings(dir);
    settings.remove("ML_ACTION_CAP"); // as shipped
    settings.putAll(copy.environment());
    settings.put("ML_PROMETHEUS_URL", "http://127.0.0.1:" + prometheus.actualPort() + "/");
    service = RunningService.start(dir, settings);
  }

  @AfterEach
  void stop() {
    service.close();
    PlantedService.await(vertx.close());
  }

  private List<String> holds(int n) throws Exception {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      JsonNode d = RunningService.json(service.api("POST", "/ml/score", ITFaults.CASE));
      assertThat(d.at("/decision/enforced").asBoolean()).as(d.toString()).isTrue();
      ids.add(d.path("predictionId").asText());
    }
    return ids;
  }

  private void label(String id) throws Exception {
    ObjectNode label = JSON.createObjectNode().put("predictionId", id);
    label.put("modelId", "risk-score").put("modelVersion", "20261123");
    label.put("label", "TRUE_POSITIVE").put("source", "OPERATOR").put("submittedBy", "ann");
    assertThat(service.api("POST", "/ml/feedback", label.toString()).statusCode()).isEqualTo(201);
  }

  private static Map<String, String> outcomes(JsonNode report) {
    Map<String, String> outcomes = new TreeMap<>();
    report
        .path("checks")
        .forEach(c -> outcomes.put(c.path("check").asText(), c.path("outcome").asText()));
    return outcomes;
  }

  private JsonNode verify(String token, int exit) throws Exception {
    String[] command = {"rollback", "--model", "risk-score", "--verify", "--json"};
    return JSON.readTree(service.run(Map.of("ML_TOKEN", token), exit, command));
  }

  @Test
  void verify_afterARollback_checksWhatServesAndListsTheHoldsToLabel() throws Exception {
    String oncall = service.token("oncall");
    List<String> ids = holds(3);
    label(ids.get(1));
    alerts =
        alerts(
            alert("Drift", "credit-default", "firing")
                + ","
                + alert("Slow", "risk-score", "pending"));
    Path missed = dir.resolve("missed.ndjson");
    String said =
        service.run(
            Map.of("ML_TOKEN", oncall),
            0,
            "rollback",
            "--model",
            "risk-score",
            "--reason",
            "drill",
            "--verify",
            "--missed",
            missed.toString(),
            "--json");
    JsonNode report = JSON.readTree(said);
    assertThat(report.path("passed").asBoolean()).isTrue();
    assertThat(report.at("/change/to").asText()).isEqualTo("20261116");
    assertThat(outcomes(report))
        .hasSize(7)
        .containsEntry("golden", "pass")
        .containsEntry("canary", "pass")
        .containsEntry("alerts", "pass")
        .containsEntry("feedback", "pass")
        .containsEntry("errors", "pass")
        .containsEntry("latency", "pass")
        .containsEntry("serving", "pass");
    assertThat(JSON.convertValue(report.path("missed"), String[].class))
        .containsExactlyInAnyOrder(ids.get(0), ids.get(2));
    assertThat(Files.readAllLines(missed)).hasSize(2);
    // What scores it made is logged in observe: nobody is held by it.
    JsonNode enforced =
        RunningService.json(
            service.api("GET", "/ml/predictions?modelVersion=20261116&enforced=true", null));
    assertThat(enforced.path("predictions")).isEmpty();

    alerts = alerts(alert("Burn", "risk-score", "firing"));
    JsonNode burning = verify(oncall, 1);
    assertThat(outcomes(burning)).containsEntry("alerts", "fail").containsEntry("golden", "pass");
    assertThat(burning.toString()).contains("Burn firing");

    alerts = "oops";
    assertThat(outcomes(verify(oncall, 1))).containsEntry("alerts", "fail");
  }

  /** The control: a service that does not serve what the registry has. */
  @Test
  void verify_notWhatWasDeployed_fails() throws Exception {
    String oncall = service.token("oncall");
    Path serving = copy.models.resolve("risk-score/20261123");
    Path module = serving.resolve("model.pt");
    byte[] bytes = Files.readAllBytes(module);
    bytes[bytes.length / 2] ^= 1;
    Files.write(module, bytes);
    JsonNode altered = verify(oncall, 1);
    assertThat(outcomes(altered)).containsEntry("artifact", "fail");
    assertThat(altered.toString()).contains("model.pt");
    bytes[bytes.length / 2] ^= 1;
    Files.write(module, bytes);
    assertThat(verify(oncall, 0).path("passed").asBoolean()).isTrue();

    service.close();
    service.set("ML_MODEL_VERSION", "risk-score=20261116");
    service.launch();
    RunningService.await(
        Duration.ofSeconds(10), () -> service.logText().contains("serves 20261116"));
    JsonNode drifted = verify(oncall, 1);
    assertThat(outcomes(drifted)).containsEntry("serving", "fail").containsEntry("golden", "fail");
  }
}
