package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The alert rules, by promtool. */
class ITAlertRules {
  private static final YAMLMapper YAML = new YAMLMapper();
  private static final Path CASES =
      Prometheus.observability("prometheus/rules/ml-service.rules.test.yml");

  @TempDir Path dir;

  private record Said(int exit, String text) {}

  @BeforeAll
  static void install() throws Exception {
    Prometheus.install();
  }

  private Said promtool(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("promtool"));
    command.addAll(List.of(arguments));
    Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Said(p.waitFor(), text);
  }

  /** The rules, altered, and the cases of an alert in a folder; all of them take seven seconds. */
  private Said testWith(String alert, String rule, String instead) throws Exception {
    String rules = Files.readString(Prometheus.RULES);
    assertThat(rules).contains(rule);
    Files.writeString(dir.resolve("ml-service.rules.yml"), rules.replace(rule, instead));
    Path cases = dir.resolve("cases.yml");
    ObjectNode all = (ObjectNode) YAML.readTree(Files.readString(CASES));
    ArrayNode some = YAML.createArrayNode();
    stream(all.path("tests"))
        .filter(t -> t.path("alert_rule_test").findValuesAsText("alertname").contains(alert))
        .forEach(some::add);
    assertThat(some).hasSizeBetween(2, 4);
    Files.writeString(cases, YAML.writeValueAsString(all.set("tests", some)));
    return promtool("test", "rules", cases.toString());
  }

  private static Stream<JsonNode> stream(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }

  private static List<JsonNode> alerts() throws IOException {
    return stream(YAML.readTree(Files.readString(Prometheus.RULES)).path("groups"))
        .flatMap(group -> stream(group.path("rules")))
        .filter(rule -> rule.has("alert"))
        .toList();
  }

  @Test
  void rules_theirCases_fireAndDoNotFire() throws Exception {
    assertThat(promtool("check", "rules", Prometheus.RULES.toString()))
        .satisfies(said -> assertThat(said.exit()).as(said.text()).isZero());
    assertThat(promtool("test", "rules", CASES.toString()))
        .satisfies(said -> assertThat(said.exit()).as(said.text()).isZero());
  }

  @Test
  void rules_eachAlert_hasACaseThatFiresAndOneThatDoesNot() throws Exception {
    Set<String> firing = new HashSet<>();
    Set<String> quiet = new HashSet<>();
    stream(YAML.readTree(Files.readString(CASES)).path("tests"))
        .flatMap(test -> stream(test.path("alert_rule_test")))
        .forEach(c -> (c.has("exp_alerts") ? firing : quiet).add(c.path("alertname").asText()));
    Set<String> all =
        alerts().stream().map(rule -> rule.path("alert").asText()).collect(Collectors.toSet());
    assertThat(all).contains("MLInferenceDriftDetected", "MLInferenceErrorBudgetBurn");
    assertThat(firing).isEqualTo(all);
    assertThat(quiet).isEqualTo(all);
  }

  @Test
  void rules_eachAlert_saysHowBadWhatAndWhereToRead() throws Exception {
    Set<String> headings =
        Files.readAllLines(RunningService.HOME.resolve("docs/RUNBOOK.md")).stream()
            .filter(line -> line.startsWith("## "))
            .map(ITAlertRules::anchor)
            .collect(Collectors.toSet());
    for (JsonNode rule : alerts()) {
      String name = rule.path("alert").asText();
      assertThat(rule.at("/labels/severity").asText()).as(name).isIn("page", "ticket");
      assertThat(rule.at("/annotations/summary").asText()).as(name).isNotBlank();
      String[] link = rule.at("/annotations/runbook_url").asText().split("#", -1);
      assertThat(link[0]).as(name).isEqualTo("docs/RUNBOOK.md");
      assertThat(headings).as(name).contains(link[1]);
    }
  }

  /** As GitHub makes the anchor of a heading. */
  private static String anchor(String heading) {
    return heading
        .substring(3)
        .toLowerCase(Locale.ROOT)
        .replaceAll("[^a-z0-9 -]", "")
        .replace(' ', '-');
  }

  /** The controls: bounds that never fire, and that always do, and a pair of one window. */
  @Test
  void rules_altered_areCaught() throws Exception {
    String alert = "MLInferenceFastBurn";
    String bound = "burn_rate{window=\"5m\"} > 14.4";
    assertThat(testWith(alert, bound, "burn_rate{window=\"5m\"} > 1440").exit()).isOne();
    assertThat(testWith(alert, bound, "burn_rate{window=\"5m\"} >= 0").exit()).isOne();
    assertThat(testWith(alert, bound, bound).exit()).isZero();
    String spent = "MLInferenceErrorBudgetBurn";
    assertThat(testWith(spent, "spent_ratio > 0.1", "spent_ratio > 0.05").exit()).isOne();
    String watch = "MLPromotionWatchErrors";
    assertThat(testWith(watch, "on (model) ml_service:watched", "on (model) vector(1)").exit())
        .isOne();
  }
}
