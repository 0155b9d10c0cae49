package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The queries of the dashboards and of the rules, asked of a real Prometheus that scraped a running
 * service.
 */
class ITDashboards {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern METRIC = Pattern.compile("\\bapgms_ml_[a-z_]+");

  @TempDir Path dir;

  private record Query(String of, String expr) {}

  private static List<Query> dashboard() throws Exception {
    String text = Files.readString(Prometheus.observability("grafana/dashboards.json"));
    JsonNode board = JSON.readTree(text);
    List<Query> queries = new ArrayList<>();
    for (JsonNode panel : board.path("panels")) {
      for (JsonNode target : panel.path("targets")) {
        queries.add(new Query(panel.path("title").asText(), target.path("expr").asText()));
      }
    }
    for (JsonNode note : board.at("/annotations/list")) {
      queries.add(new Query(note.path("name").asText(), note.path("expr").asText()));
    }
    return queries;
  }

  private static List<Query> rules() throws Exception {
    List<Query> queries = new ArrayList<>();
    JsonNode rules = new YAMLMapper().readTree(Files.readString(Prometheus.RULES));
    for (JsonNode group : rules.path("groups")) {
      for (JsonNode rule : group.path("rules")) {
        String name = rule.path("alert").asText(rule.path("record").asText());
        queries.add(new Query(name, rule.path("expr").asText()));
      }
    }
    return queries;
  }

  private static String here(String expr) {
    return expr.replace("$__rate_interval", "10s").replace("\"$model\"", "\".+\"");
  }

  /** What is wrong with queries: parse errors, metrics that are not there, no data. */
  private static Set<String> wrong(Prometheus prometheus, List<Query> queries, boolean data)
      throws Exception {
    Set<String> there = new TreeSet<>();
    prometheus
        .get("/api/v1/label/__name__/values")
        .path("data")
        .forEach(n -> there.add(n.asText()));
    Set<String> wrong = new TreeSet<>();
    for (Query query : queries) {
      JsonNode answer = prometheus.ask(here(query.expr()));
      if (!answer.path("status").asText().equals("success")) {
        wrong.add(query.of() + ": " + answer.path("error").asText());
      } else if (data && answer.at("/data/result").isEmpty()) {
        wrong.add(query.of() + ": no data");
      }
      Matcher metrics = METRIC.matcher(query.expr());
      while (metrics.find()) {
        if (!there.contains(metrics.group())) {
          wrong.add(query.of() + ": no metric " + metrics.group());
        }
      }
    }
    return wrong;
  }

  @Test
  void queries_ofDashboardsAndRules_parseAndFindTheirMetrics() throws Exception {
    Map<String, String> settings =
        Map.of(
            "ML_ACTION_SINKS",
            "http://127.0.0.1:9/actions",
            "ML_ACTION_SECRET",
            "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "ML_ACTION_ALLOW_PRIVATE",
            "true");
    try (RunningService service = RunningService.start(dir, settings);
        Prometheus prometheus = new Prometheus(dir, Prometheus.RULES, List.of(service), 0)) {
      for (int i = 0; i < 5; i++) {
        String served = "sum(apgms_ml_inference_requests_total{outcome=\"success\"})";
        double before = value(prometheus.result(served));
        work(service);
        RunningService.await(
            Duration.ofSeconds(15), () -> value(prometheus.result(served)) > before);
      }
      String oncall = service.token("oncall"); // a change to be annotated
      String[] rollback = {"rollback", "--model", "risk-score", "--reason", "drill"};
      service.run(Map.of("ML_TOKEN", oncall), 0, rollback);
      String changed = "sum(changes(apgms_ml_deployment_revision[1m]))";
      RunningService.await(Duration.ofSeconds(15), () -> value(prometheus.result(changed)) > 0);
      assertThat(wrong(prometheus, dashboard(), true)).isEmpty();
      assertThat(wrong(prometheus, rules(), false))
          .as("but for what is there with TLS alone")
          .containsExactly("MLCertificateExpires: no metric apgms_ml_tls_expiry_seconds");
      assertThat(wrong(prometheus, List.of(new Query("planted", "apgms_ml_gone_total > ")), true))
          .hasSize(2);
    }
  }

  private static double value(JsonNode result) {
    return result.path(0).path("value").path(1).asDouble();
  }

  private static void work(RunningService service) throws Exception {
    JsonNode d = RunningService.json(service.api("POST", "/ml/score", ITFaults.CASE));
    ObjectNode label = JSON.createObjectNode().put("predictionId", d.path("predictionId").asText());
    label.put("modelId", "risk-score").put("modelVersion", d.path("modelVersion").asText());
    label.put("label", "TRUE_POSITIVE").put("source", "OPERATOR").put("submittedBy", "ann");
    assertThat(service.api("POST", "/ml/feedback", label.toString()).statusCode()).isEqualTo(201);
  }
}
