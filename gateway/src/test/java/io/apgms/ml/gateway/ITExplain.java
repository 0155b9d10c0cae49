package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** {@code "explain": true} against a running process. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITExplain {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path dir;
  private static RunningService service;

  /** In act: high scores are held. */
  @BeforeAll
  static void start() throws Exception {
    service = RunningService.start(dir, Acting.settings(dir));
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
    assertThat(service.logText()).doesNotContain("has been blocked").doesNotContain("Exception");
  }

  private static ObjectNode explained(boolean risky) {
    ObjectNode body = JSON.createObjectNode().put("modelId", "risk-score").put("explain", true);
    body.putObject("inputs")
        .put("liquidity_ratio", risky ? 0.4 : 2.5)
        .put("cash_burn_rate", risky ? 0.9 : -0.3)
        .put("revenue_variance", risky ? 1.8 : 0.2)
        .put("late_lodgements_12m", risky ? 5 : 0)
        .put("days_since_last_lodgement", risky ? 210 : 20)
        .put("payroll_to_revenue", 0.7)
        .put("tax_debt_ratio", risky ? 0.9 : 0.0)
        .put("industry_volatility", risky ? 0.6 : 0.2)
        .put("account_age_months", risky ? 14 : 150)
        .put("refund_claim_ratio", risky ? 0.5 : 0.05)
        .put("director_changes_24m", risky ? 3 : 0)
        .put("transaction_anomalies_30d", risky ? 9 : 0);
    return body;
  }

  private static JsonNode score(JsonNode body) throws Exception {
    HttpResponse<String> response = service.api("POST", "/ml/score", body.toString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return RunningService.json(response);
  }

  private static JsonNode shown(JsonNode decided) throws Exception {
    String id = decided.path("predictionId").asText();
    HttpResponse<String> kept = service.api("GET", "/ml/predictions/" + id, null);
    assertThat(kept.statusCode()).as(kept.body()).isEqualTo(200);
    return RunningService.json(kept);
  }

  private static void assertSumsUp(JsonNode decided) {
    JsonNode contributions = decided.path("contributions");
    List<String> names = new ArrayList<>();
    double sum = 0;
    for (Map.Entry<String, JsonNode> one : contributions.properties()) {
      names.add(one.getKey());
      sum += one.getValue().asDouble();
    }
    assertThat(names).hasSize(12).contains("liquidity_ratio", "transaction_anomalies_30d");
    JsonNode explanation = decided.path("explanation");
    assertThat(explanation.path("method").asText()).isEqualTo("shapley-sampling");
    assertThat(explanation.path("standardError").asDouble()).isBetween(1e-6, 0.1);
    assertThat(explanation.path("rowsScored").asInt()).isPositive();
    double difference = decided.path("score").asDouble() - explanation.path("baseline").asDouble();
    assertThat(sum).isCloseTo(difference, within(1e-6));
  }

  private static void assertSameExplanation(JsonNode shown, JsonNode answered) {
    assertThat(shown.path("contributions")).isEqualTo(answered.path("contributions"));
    assertThat(shown.path("explanation")).isEqualTo(answered.path("explanation"));
    assertThat(shown.path("score")).isEqualTo(answered.path("score"));
  }

  private static void awaitShipped() throws Exception {
    RunningService.await(
        Duration.ofSeconds(20),
        () -> {
          try {
            return service.metric("apgms_ml_telemetry_spool_bytes") == 0;
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }

  @Test
  @Order(1)
  void score_withExplain_isShownAgainBeforeAndAfterShipping() throws Exception {
    JsonNode decided = score(explained(false));
    assertThat(decided.path("recommendation").asText()).isEqualTo("allow");
    assertSumsUp(decided);
    assertSameExplanation(shown(decided), decided);
    awaitShipped();
    assertSameExplanation(shown(decided), decided);
    assertThat(score(explained(false)).path("contributions"))
        .as("the same case again")
        .isEqualTo(decided.path("contributions"));
  }

  @Test
  @Order(1)
  void score_withoutExplain_saysNothingOfIt() throws Exception {
    ObjectNode body = explained(false);
    body.put("explain", false);
    JsonNode decided = score(body);
    awaitShipped();
    for (JsonNode answer : List.of(decided, shown(decided))) {
      assertThat(answer.has("contributions")).isFalse();
      assertThat(answer.has("explanation")).isFalse();
    }
  }

  @Test
  @Order(2)
  void score_requestIdAgain_answersTheSameExplanation() throws Exception {
    for (boolean risky : new boolean[] {false, true}) {
      ObjectNode body = explained(risky);
      body.put("requestId", "explained-" + risky);
      JsonNode first = score(body);
      assertSumsUp(first);
      JsonNode again = score(body);
      assertThat(again.path("predictionId")).isEqualTo(first.path("predictionId"));
      assertSameExplanation(again, first);
      assertSameExplanation(shown(first), first);
    }
  }

  @Test
  @Order(3)
  void score_holdWithExplain_isCommittedAndInForce() throws Exception {
    JsonNode decided = score(explained(true));
    assertThat(decided.path("decision").path("mode").asText()).isEqualTo("act");
    assertThat(decided.path("decision").path("enforced").asBoolean()).isTrue();
    assertSumsUp(decided);
    JsonNode kept = shown(decided);
    assertSameExplanation(kept, decided);
    assertThat(kept.path("decision").path("actionState").asText()).isEqualTo("pending");
  }

  @Test
  @Order(3)
  void score_versionThatIsNotActive_isExplainedByThatVersion() throws Exception {
    ObjectNode body = explained(true);
    JsonNode active = score(body);
    body.put("modelVersion", "20261116");
    JsonNode before = score(body);
    assertThat(before.path("modelVersion").asText()).isEqualTo("20261116");
    assertThat(active.path("modelVersion").asText()).isEqualTo("20261123");
    assertThat(before.path("decision").path("enforced").asBoolean()).isFalse();
    assertSumsUp(before);
    assertThat(before.path("explanation").path("baseline"))
        .isNotEqualTo(active.path("explanation").path("baseline"));
    assertSameExplanation(shown(before), before);
  }

  @Test
  @Order(4)
  void restart_afterExplaining_showsTheSame() throws Exception {
    JsonNode decided = score(explained(false));
    service.kill();
    service.launch();
    assertSameExplanation(shown(decided), decided);
    assertThat(score(explained(false)).path("contributions"))
        .as("another process, the same case")
        .isEqualTo(decided.path("contributions"));
  }
}
