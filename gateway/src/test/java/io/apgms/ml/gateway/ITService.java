package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The main job against a running process: what the README promises, and a crash. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITService {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path dir;
  private static RunningService service;
  private static Path flags;
  private static String oncall;

  @BeforeAll
  static void start() throws Exception {
    flags = dir.resolve("flags.json");
    Files.copy(RunningService.HOME.resolve("conf/flags.json"), flags);
    service = RunningService.startNew(dir, Map.of("ML_FLAGS_FILE", flags.toString()));
    oncall = service.token("oncall");
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
    assertThat(service.logText()).doesNotContain("has been blocked").doesNotContain("Exception");
  }

  /** A body from the golden row of a model's active version: every model has one. */
  private static ObjectNode body(String model, int row) throws Exception {
    JsonNode now = RunningService.json(service.api("GET", "/ml/models/" + model, null));
    Path golden =
        RunningService.HOME
            .resolve("artifacts/models")
            .resolve(model)
            .resolve(now.path("version").asText())
            .resolve("golden.json");
    ObjectNode body = JSON.createObjectNode().put("modelId", model);
    JsonNode inputs = JSON.readTree(golden.toFile()).get(row).path("inputs");
    ObjectNode typed = body.putObject("inputs");
    for (JsonNode feature : now.path("features")) {
      JsonNode value = inputs.path(feature.path("name").asText());
      if (feature.path("type").asText().equals("integer") && value.isNumber()) {
        typed.put(feature.path("name").asText(), value.asLong());
      } else {
        typed.set(feature.path("name").asText(), value);
      }
    }
    return body;
  }

  private static JsonNode score(String body) throws Exception {
    HttpResponse<String> response = service.api("POST", "/ml/score", body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return RunningService.json(response);
  }

  @Test
  @Order(1)
  void score_ofBothModels_isDecidedAndKept() throws Exception {
    for (String model : List.of("risk-score", "credit-default")) {
      JsonNode decided = score(body(model, 0).toString());
      assertThat(decided.path("modelId").asText()).isEqualTo(model);
      assertThat(decided.path("score").asDouble()).isBetween(0.0, 1.0);
      assertThat(decided.path("decision").path("mode").asText()).isEqualTo("observe");
      assertThat(decided.path("decision").path("modeSource").asText()).isEqualTo("file");
      assertThat(decided.path("decision").path("enforced").asBoolean()).isFalse();
      HttpResponse<String> kept =
          service.api("GET", "/ml/predictions/" + decided.path("predictionId").asText(), null);
      assertThat(kept.statusCode()).isEqualTo(200);
      assertThat(RunningService.json(kept).path("score")).isEqualTo(decided.path("score"));
    }
  }

  @Test
  @Order(1)
  void score_badRequests_areRefusedAndTheNextIsServed() throws Exception {
    String good = body("risk-score", 0).toString();
    Map<String, Integer> refused =
        Map.of(
            "x".repeat(10 << 20), 413,
            "[".repeat(60_000), 400,
            good.replaceFirst("\\{", "{\"modelId\":\"risk-score\","), 400,
            good.replace("risk-score", "no-such-model"), 404,
            good.replaceFirst("\\{", "{\"modelVersion\":\"19990101\","), 404,
            good.replace("liquidity_ratio", "liquidity"), 422);
    for (Map.Entry<String, Integer> bad : refused.entrySet()) {
      HttpResponse<String> answer = service.api("POST", "/ml/score", bad.getKey());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(bad.getValue());
      assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
    }
    assertThat(service.api("GET", "/ml/predictions?entityId=a%00b", null).statusCode())
        .isEqualTo(422);
    assertThat(
            service
                .api("GET", "/ml/predictions?from=%2B999999999-01-01T00:00:00Z", null)
                .statusCode())
        .isEqualTo(422);
    assertThat(
            service.raw(
                String.join(
                    "\r\n",
                    "POST /ml/score HTTP/1.1",
                    "Host: x",
                    "Content-Type: application/json",
                    "Transfer-Encoding: chunked",
                    "",
                    "no size",
                    "{}",
                    "")))
        .as("closed, or refused")
        .satisfiesAnyOf(
            line -> assertThat(line).isNull(),
            line -> assertThat(line).startsWith("HTTP/1.1 400 "));
    score(good);
  }

  @Test
  @Order(2)
  void feedback_ofADecision_showsWithIt() throws Exception {
    JsonNode decided = score(body("risk-score", 0).toString());
    String verdict =
        decided.path("recommendation").asText().equals("review") ? "POSITIVE" : "NEGATIVE";
    ObjectNode label =
        JSON.createObjectNode()
            .put("modelId", "risk-score")
            .put("modelVersion", decided.path("modelVersion").asText())
            .put("predictionId", decided.path("predictionId").asText())
            .put("label", "TRUE_" + verdict)
            .put("source", "OPERATOR")
            .put("submittedBy", "ana");
    Map<String, String> key = Map.of("Idempotency-Key", "label-1");
    HttpResponse<String> made = service.api("POST", "/ml/feedback", label.toString(), key);
    assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    HttpResponse<String> again = service.api("POST", "/ml/feedback", label.toString(), key);
    assertThat(RunningService.json(again)).isEqualTo(RunningService.json(made));
    JsonNode shown =
        RunningService.json(
            service.api("GET", "/ml/predictions/" + decided.path("predictionId").asText(), null));
    assertThat(shown.path("labels").get(0).path("label").asText()).isEqualTo("TRUE_" + verdict);
    label.put("label", verdict.equals("POSITIVE") ? "TRUE_NEGATIVE" : "TRUE_POSITIVE");
    assertThat(service.api("POST", "/ml/feedback", label.toString()).statusCode()).isEqualTo(422);
    assertThat(service.api("POST", "/ml/feedback", label.toString(), key).statusCode())
        .isEqualTo(422);
  }

  @Test
  @Order(3)
  void rollback_toAndFroUnderLoad_failsNoRequest() throws Exception {
    String body = body("risk-score", 1).toString();
    Map<String, Set<Double>> scores = new ConcurrentHashMap<>();
    AtomicInteger failed = new AtomicInteger();
    AtomicBoolean stop = new AtomicBoolean();
    List<Thread> clients = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Thread client =
          new Thread(
              () -> {
                while (!stop.get()) {
                  try {
                    JsonNode d = score(body);
                    scores
                        .computeIfAbsent(
                            d.path("modelVersion").asText(), v -> ConcurrentHashMap.newKeySet())
                        .add(d.path("score").asDouble());
                  } catch (Exception | AssertionError e) {
                    failed.incrementAndGet();
                  }
                }
              });
      client.start();
      clients.add(client);
    }
    List<Integer> statuses = new ArrayList<>();
    for (int round = 0; round < 10; round++) {
      String command = "{\"reason\":\"drill\",\"toRevision\":" + (1 + round % 2) + "}";
      statuses.add(
          service
              .management("POST", "/admin/models/risk-score/rollback", command, oncall)
              .statusCode());
    }
    stop.set(true);
    for (Thread client : clients) {
      client.join();
    }
    assertThat(failed).hasValue(0);
    assertThat(statuses).containsOnly(200);
    assertThat(scores).hasSize(2);
    assertThat(scores.values()).allSatisfy(s -> assertThat(s).hasSize(1));
    assertThat(Set.copyOf(scores.values())).hasSize(2);
  }

  @Test
  @Order(4)
  void flagsFile_flipped_flipsTheModeWithinItsBound() throws Exception {
    String observe = Files.readString(flags);
    String body = body("risk-score", 0).toString();
    Files.writeString(flags, observe.replace("observe", "act"));
    awaitMode(body, "act", Duration.ofSeconds(2));
    Files.writeString(flags, observe);
    awaitMode(body, "observe", Duration.ofSeconds(2));
    long again = System.nanoTime();
    Files.writeString(flags, observe.replace("observe", "act"));
    awaitMode(body, "act", Duration.ofSeconds(7));
    assertThat(Duration.ofNanos(System.nanoTime() - again)).isGreaterThan(Duration.ofSeconds(1));
    HttpResponse<String> forced =
        service.management(
            "PUT", "/admin/decision-mode", "{\"mode\":\"observe\",\"reason\":\"drill\"}", oncall);
    assertThat(forced.statusCode()).as(forced.body()).isEqualTo(200);
    assertThat(score(body).path("decision").path("modeSource").asText()).isEqualTo("override");
    assertThat(
            service
                .management("DELETE", "/admin/decision-mode", "{\"reason\":\"drill over\"}", oncall)
                .statusCode())
        .isEqualTo(200);
    Files.writeString(flags, observe);
    awaitMode(body, "observe", Duration.ofSeconds(2));
  }

  private static void awaitMode(String body, String mode, Duration bound) throws Exception {
    RunningService.await(
        bound,
        () -> {
          try {
            return score(body).path("decision").path("mode").asText().equals(mode);
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }

  @Test
  @Order(5)
  void metrics_afterAKnownLoad_countIt() throws Exception {
    double success = service.metric("apgms_ml_inference_requests_total", "outcome=\"success\"");
    double refused =
        service.metric("apgms_ml_inference_requests_total", "outcome=\"client_error\"");
    String body = body("risk-score", 2).toString();
    for (int i = 0; i < 50; i++) {
      score(body);
    }
    for (int i = 0; i < 7; i++) {
      assertThat(service.api("POST", "/ml/score", "{}").statusCode()).isEqualTo(422);
    }
    assertThat(service.metric("apgms_ml_inference_requests_total", "outcome=\"success\""))
        .isEqualTo(success + 50);
    assertThat(service.metric("apgms_ml_inference_requests_total", "outcome=\"client_error\""))
        .isEqualTo(refused + 7);
    assertThat(service.metric("apgms_ml_inference_duration_seconds_count", "risk-score"))
        .isEqualTo(
            service.metric(
                "apgms_ml_inference_requests_total", "outcome=\"success\"", "risk-score"));
  }

  @Test
  @Order(6)
  void adminRoutes_withoutTheRole_areRefused() throws Exception {
    String reason = "{\"reason\":\"x\"}";
    String path = "/admin/models/risk-score/rollback";
    assertThat(service.management("POST", path, reason, null).statusCode()).isEqualTo(401);
    assertThat(service.management("POST", path, reason, "ab.cd.ef").statusCode()).isEqualTo(401);
    String scientist = service.token("data-scientist");
    assertThat(service.management("POST", path, reason, scientist).statusCode()).isEqualTo(403);
    String promote = "{\"version\":\"20261123\",\"ticket\":\"MLAPPROVAL-1\",\"reason\":\"x\"}";
    assertThat(
            service
                .management(
                    "POST", "/admin/models/risk-score/promote", promote, service.token("ds-lead"))
                .statusCode())
        .isEqualTo(409);
  }

  @Test
  @Order(7)
  void kill9_andRestart_keepWhatWasAnswered() throws Exception {
    String body = body("credit-default", 0).toString();
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      ids.add(score(body).path("predictionId").asText());
    }
    service.kill();
    service.launch();
    for (String id : ids) {
      assertThat(service.api("GET", "/ml/predictions/" + id, null).statusCode())
          .as(id)
          .isEqualTo(200);
    }
    assertThat(service.run(Map.of("ML_TOKEN", oncall), 0, "history", "--model", "risk-score"))
        .contains("*12 ");
  }

  @Test
  @Order(8)
  void commands_ofTheLauncher_answerWithTheirExitCodes() throws Exception {
    Map<String, String> token = Map.of("ML_TOKEN", oncall);
    assertThat(service.run(Map.of(), 0, "verify", "--gate", "integrity"))
        .contains("pass integrity risk-score/");
    assertThat(service.run(token, 0, "mode")).contains("observe");
    assertThat(service.run(token, 0, "rollback", "--model", "credit-default", "--reason", "drill"))
        .contains("revision 3");
    assertThat(service.run(token, 1, "rollback", "--model", "nope", "--reason", "drill"))
        .contains("404");
    assertThat(service.run(Map.of(), 0, "train", "--help")).contains("--schema");
    service.run(token, 2, "rollback", "--model", "risk-score");
    Map<String, String> away = Map.of("ML_TOKEN", oncall);
    service.run(away, 3, "mode", "--url", "http://127.0.0.1:9");
  }
}
