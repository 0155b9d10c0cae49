package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The chart: what `make chart` finds, and what no schema knows of. */
class ITChart {
  private static final Path CHART = RunningService.HOME.resolve("k8s/ml-service");
  private static final YAMLMapper YAML = new YAMLMapper();

  @TempDir static Path dir;
  private static List<JsonNode> objects;
  private static List<JsonNode> pool;

  private record Said(int exit, String text) {}

  private static Said run(String... command) throws Exception {
    Process p =
        new ProcessBuilder(command)
            .directory(RunningService.HOME.toFile())
            .redirectErrorStream(true)
            .start();
    String text = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Said(p.waitFor(), text);
  }

  @BeforeAll
  static void render() throws Exception {
    objects = rendered("all-values.yaml");
    pool = rendered("pool-values.yaml");
  }

  private static List<JsonNode> rendered(String values) throws Exception {
    Path file = dir.resolve("rendered-" + values);
    String helm = GoTool.install("helm").toString();
    Said said =
        run(
            "bash",
            "-c",
            helm
                + " template ml-service k8s/ml-service --kube-version 1.33.0 --namespace ml"
                + " -f k8s/ml-service/ci/"
                + values
                + " >"
                + file);
    assertThat(said.exit()).as(said.text()).isZero();
    return documents(file);
  }

  private static List<JsonNode> documents(Path file) throws IOException {
    List<JsonNode> documents = new ArrayList<>();
    try (var parser = new YAMLFactory().createParser(file.toFile())) {
      new ObjectMapper()
          .readerFor(JsonNode.class)
          .<JsonNode>readValues(parser)
          .forEachRemaining(documents::add);
    }
    return documents.stream().filter(d -> d != null && d.has("kind")).toList();
  }

  private static JsonNode object(String kind, String name) {
    return object(objects, kind, name);
  }

  private static JsonNode object(List<JsonNode> of, String kind, String name) {
    return of.stream()
        .filter(o -> o.path("kind").asText().equals(kind))
        .filter(o -> o.at("/metadata/name").asText().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static JsonNode container() {
    return container(objects, "ml-service");
  }

  private static JsonNode container(List<JsonNode> of, String deployment) {
    return object(of, "Deployment", deployment).at("/spec/template/spec/containers/0");
  }

  @Test
  void chart_asItIs_isCleanAndFindsWhatIsPlanted() throws Exception {
    Said said = run("make", "-s", "chart");
    assertThat(said.exit()).as(said.text()).isZero();
    assertThat(said.text()).contains("15 renderings valid", "14 planted faults found");
  }

  /**
   * The controls: a value that is taken where it must be refused, and a chart that does not lint.
   */
  @Test
  void chart_altered_isFound() throws Exception {
    Path altered = dir.resolve("ml-service");
    assertThat(run("cp", "-rL", CHART.toString(), altered.toString()).exit()).isZero();
    Files.writeString(altered.resolve("ci/refused.txt"), "replicas | --set replicas=3\n");
    Files.delete(altered.resolve("ci/bare-values.yaml"));
    Path deployment = altered.resolve("templates/deployment.yaml");
    Files.writeString(
        deployment,
        Files.readString(deployment).replace("revisionHistoryLimit:", "revisionHistory:"));
    Said said = run(RunningService.HOME.resolve("tools/chart.sh").toString(), altered.toString());
    assertThat(said.exit()).as(said.text()).isOne();
    assertThat(said.text())
        .contains("not refused: --set replicas=3", "revisionHistory", "planted text for a number");
  }

  @Test
  void deployment_itsProbes_dependOnNothingButTheProcessForItsLife() {
    JsonNode container = container();
    assertThat(container.at("/livenessProbe/httpGet/path").asText()).isEqualTo("/health/live");
    assertThat(container.at("/readinessProbe/httpGet/path").asText()).isEqualTo("/health/ready");
    assertThat(container.at("/startupProbe/httpGet/path").asText()).isEqualTo("/health/live");
  }

  @Test
  void deployment_itsGracePeriod_isWhatADrainTakes() {
    JsonNode pod = object("Deployment", "ml-service").at("/spec/template/spec");
    int preStop = container().at("/lifecycle/preStop/sleep/seconds").asInt();
    int drain = Integer.parseInt(variable("ML_DRAIN_MS").path("value").asText()) / 1_000;
    assertThat(pod.path("terminationGracePeriodSeconds").asInt())
        .isGreaterThanOrEqualTo(preStop + drain + 20);
  }

  private static JsonNode variable(String name) {
    return variable(container(), name);
  }

  private static JsonNode variable(JsonNode container, String name) {
    for (JsonNode each : container.path("env")) {
      if (each.path("name").asText().equals(name)) {
        return each;
      }
    }
    throw new AssertionError("no " + name);
  }

  @Test
  void deployment_versionAndMode_areInThePodsTemplate() {
    assertThat(variable("ML_MODEL_VERSION").path("value").asText())
        .isEqualTo("risk-score=20261123,credit-default=20261123-2");
    assertThat(variable("ML_DECISION_MODE").path("value").asText()).isEqualTo("act");
  }

  /** Each goes to the name and ports of the one service, and no pod that scores has an API. */
  @Test
  void pool_itsPods_findEachOtherByItsService() {
    JsonNode service = object(pool, "Service", "ml-service-scoring").path("spec");
    assertThat(service.path("clusterIP").asText()).isEqualTo("None");
    assertThat(service.path("publishNotReadyAddresses").asBoolean()).isTrue();
    JsonNode edge = container(pool, "ml-service");
    JsonNode scorer = container(pool, "ml-service-scoring");
    for (JsonNode each : List.of(edge, scorer)) {
      assertThat(variable(each, "ML_CLUSTER_MEMBERS").path("value").asText())
          .isEqualTo("ml-service-scoring:" + service.at("/ports/0/port").asText());
      assertThat(variable(each, "ML_CLUSTER_PORT").path("value").asText())
          .isEqualTo(service.at("/ports/0/port").asText());
      assertThat(variable(each, "POD_IP").at("/valueFrom/fieldRef/fieldPath").asText())
          .isEqualTo("status.podIP");
    }
    assertThat(variable(edge, "ML_ROLES").path("value").asText()).isEqualTo("edge,data");
    assertThat(variable(scorer, "ML_ROLES").path("value").asText()).isEqualTo("scoring");
    assertThat(scorer.path("ports").findValuesAsText("name"))
        .containsExactly("cluster", "bus", "management");
  }

  /** Membership has no TLS: from the pods of the release alone. */
  @Test
  void pool_itsPorts_areOpenToMembersAlone() {
    for (JsonNode policy : pool) {
      if (!policy.path("kind").asText().equals("NetworkPolicy")) {
        continue;
      }
      for (JsonNode rule : policy.at("/spec/ingress")) {
        if (rule.path("ports").findValuesAsText("port").contains("5701")) {
          assertThat(rule.path("from")).hasSize(1);
          assertThat(rule.at("/from/0/podSelector/matchExpressions/0/values").toString())
              .isEqualTo("[\"serve\",\"scoring\"]");
          assertThat(rule.at("/from/0/podSelector/matchLabels")).hasSize(2);
        }
      }
    }
    assertThat(object(pool, "NetworkPolicy", "ml-service-pool").at("/spec/ingress/0/ports"))
        .hasSize(2);
  }

  /** Heads are signed by a key of the pod: a folder that two pods share starts only one of them. */
  @Test
  void heads_areInAFolderOfThePod() {
    assertThat(variable("POD_NAME").at("/valueFrom/fieldRef/fieldPath").asText())
        .isEqualTo("metadata.name");
    assertThat(variable("ML_AUDIT_HEAD_DIR").path("value").asText()).endsWith("/$(POD_NAME)");
  }

  @Test
  void rules_areTheOnesThatAreTested() throws IOException {
    assertThat(object("PrometheusRule", "ml-service").path("spec"))
        .isEqualTo(YAML.readTree(Files.readString(Prometheus.RULES)));
  }

  /** A setting is the chart's to set, or the values may; a new one is decided on, not forgotten. */
  @Test
  void settings_eachIsTheCharts_orAValue() throws IOException {
    Set<String> all = new TreeSet<>();
    Matcher names =
        Pattern.compile("# ([A-Z][A-Z_]+): ")
            .matcher(Files.readString(RunningService.HOME.resolve("conf/application.yaml")));
    while (names.find()) {
      all.add(names.group(1));
    }
    JsonNode schema =
        new ObjectMapper().readTree(Files.readAllBytes(CHART.resolve("values.schema.json")));
    Set<String> known = new TreeSet<>();
    for (String value : List.of("config", "secretConfig")) {
      schema
          .at("/properties/" + value + "/propertyNames/enum")
          .forEach(name -> known.add(name.asText()));
    }
    for (JsonNode each : List.of(container(), container(pool, "ml-service"))) {
      each.path("env").forEach(variable -> known.add(variable.path("name").asText()));
    }
    known.removeIf(name -> name.startsWith("POD_") || name.startsWith("OTEL_")); // others' own
    assertThat(known).isEqualTo(all);
  }
}
