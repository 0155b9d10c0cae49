package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * The retraining flow beside a running service with labelled decisions. The first test leaves the
 * run that the second one tampers with.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITRetrain {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LABELLED = 40;

  /** Tells what it was called with; fails once, or hangs, where a file asks for it. */
  private static final String LAUNCHER =
      """
      #!/bin/bash
      cd "%1$s"
      echo "$1" >> calls
      if [[ -e fail-$1 ]]; then rm "fail-$1"; echo 'planted: away for a moment'; exit 3; fi
      if [[ -e hang-$1 ]]; then exec sleep 300; fi
      cd "%2$s" && exec bin/ml-service "$@"
      """;

  @TempDir static Path dir;
  private static final Map<String, String> SETTINGS = new HashMap<>();
  private static RunningService service;
  private static Prefect prefect;

  @BeforeAll
  static void start() throws Exception {
    prefect = Prefect.start(dir);
    copy(RunningService.HOME.resolve("artifacts/models"), dir.resolve("models"));
    SETTINGS.put("ML_REGISTRY_DIR", dir.resolve("models").toString());
    SETTINGS.put("ML_DATA_DIR", dir.resolve("data").toString());
    SETTINGS.put("ML_RETRAIN_RETRY_SECONDS", "0.1");
    String schema =
        Files.readString(RunningService.HOME.resolve("conf/models/risk-score.yaml"))
            .replace("rows: 24000", "rows: 2000")
            .replace("maxEpochs: 60", "maxEpochs: 4");
    Files.writeString(dir.resolve("small.yaml"), schema);
    Path launcher = dir.resolve("launcher");
    Files.writeString(launcher, LAUNCHER.formatted(dir, RunningService.HOME));
    assertThat(launcher.toFile().setExecutable(true)).isTrue();
    service =
        RunningService.start(dir, Map.of("ML_REGISTRY_DIR", dir.resolve("models").toString()));
    label();
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
    prefect.stop();
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.createDirectories(to.resolve(from.relativize(file).toString()).getParent());
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  /** Decides and labels cases, with much that must not get into a snapshot. */
  private static void label() throws Exception {
    for (int i = 0; i < LABELLED; i++) {
      var answer =
          service.api(
              "POST",
              "/ml/score",
              """
              {"modelId": "risk-score", "entityId": "canary-entity-%1$d",
               "groups": {"owner_sex": "canary-group", "region": "metro"},
               "inputs": {"liquidity_ratio": 0.4%1$d, "cash_burn_rate": 0.9,
                "revenue_variance": 1.8, "late_lodgements_12m": 5,
                "days_since_last_lodgement": 210, "payroll_to_revenue": null,
                "tax_debt_ratio": 0.9, "industry_volatility": 0.6, "account_age_months": 14,
                "refund_claim_ratio": 0.5, "director_changes_24m": 3,
                "transaction_anomalies_30d": 9}}"""
                  .formatted(i));
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      JsonNode decision = RunningService.json(answer);
      String verdict = i % 4 == 0 ? "FALSE" : "TRUE";
      String side = decision.path("recommendation").asText().equals("review") ? "POS" : "NEG";
      var labelled =
          service.api(
              "POST",
              "/ml/feedback",
              """
              {"predictionId": "%s", "modelId": "risk-score", "modelVersion": "%s",
               "label": "%s_%sITIVE", "source": "OPERATOR", "submittedBy": "canary-person",
               "notes": "canary-note", "metadata": {"name": "canary-metadata"},
               "observedAt": "2026-11-20T08:00:00Z"}"""
                  .formatted(
                      decision.path("predictionId").asText(),
                      decision.path("modelVersion").asText(),
                      verdict,
                      side)
                  .replace("NEGITIVE", "NEGATIVE"));
      assertThat(labelled.statusCode()).as(labelled.body()).isEqualTo(201);
    }
  }

  private static String[] risk(String... more) {
    return Stream.concat(
            Stream.of(
                "--model",
                "risk-score",
                "--version",
                "20261125",
                "--trigger",
                "drift",
                "--schema-file",
                dir.resolve("small.yaml").toString(),
                "--gate",
                "integrity,bias",
                "--launcher",
                dir.resolve("launcher").toString()),
            Stream.of(more))
        .toArray(String[]::new);
  }

  private static List<String> calls() throws IOException {
    Path calls = dir.resolve("calls");
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  private static Path run(String file) {
    return dir.resolve("data/retraining/risk-score_20261125").resolve(file);
  }

  @Test
  @Order(1)
  void flow_failingOnceThenKilled_goesOnWhereItWasWithoutAServer() throws Exception {
    Files.createFile(dir.resolve("fail-train"));
    Files.createFile(dir.resolve("hang-evaluate"));
    Prefect.Flow first = prefect.flowWithServer(SETTINGS, risk());
    RunningService.await(
        Duration.ofSeconds(90),
        () -> {
          try {
            return calls().contains("evaluate") || !first.process().isAlive();
          } catch (IOException e) {
            return false;
          }
        });
    first.killTree();
    assertThat(first.text()).contains("planted: away for a moment", "Retry 1/2");
    assertThat(calls()).containsExactly("snapshot", "train", "train", "evaluate");
    String snapshotDone = Files.readString(run("snapshot.done.json"));
    String trainDone = Files.readString(run("train.done.json"));
    assertThat(run("evaluate.done.json")).doesNotExist();

    Files.delete(dir.resolve("hang-evaluate"));
    String output = prefect.flowWithoutServer(SETTINGS, risk()).ended(3);

    assertThat(output)
        .contains("snapshot: done before", "train: done before", "Starting temporary server")
        .contains("candidate ready, ticket not opened");
    assertThat(Files.readString(run("snapshot.done.json"))).isEqualTo(snapshotDone);
    assertThat(Files.readString(run("train.done.json"))).isEqualTo(trainDone);
    assertThat(calls())
        .containsOnlyOnce("snapshot", "bias", "package", "sign", "verify")
        .hasSize(9);
    assertThat(Collections.frequency(calls(), "train")).isEqualTo(2);
    assertThat(Collections.frequency(calls(), "evaluate")).isEqualTo(2);
    assertThat(json(run("gates.done.json")).path("printed").asText())
        .contains("pass integrity risk-score/20261125", "bias risk-score/20261125");
    checkTicket(checkSnapshot());
  }

  private static JsonNode json(Path file) throws IOException {
    return JSON.readTree(Files.readAllBytes(file));
  }

  /** The same run, once there is somebody to open the ticket with. */
  private static void checkTicket(String sha256) throws Exception {
    Map<String, String> author = new HashMap<>(SETTINGS);
    author.put("ML_TOKEN", service.token("data-scientist"));
    author.put("ML_URL", "http://127.0.0.1:" + service.managementPort());

    String output = prefect.flowWithServer(author, risk()).ended(0);

    assertThat(output).contains("gates: done before", "risk-score_20261125: MLAPPROVAL-1");
    assertThat(calls()).hasSize(12);
    JsonNode ticket =
        RunningService.json(
            service.management(
                "GET", "/admin/tickets/MLAPPROVAL-1", null, service.token("ds-lead")));
    assertThat(ticket.path("datasetSha256").asText()).isEqualTo(sha256);
    assertThat(ticket.path("trigger").asText()).isEqualTo("drift");
    assertThat(ticket.path("evidence")).hasSize(1);
  }

  private static String checkSnapshot() throws IOException {
    Path candidate = dir.resolve("candidates/risk-score/20261125");
    JsonNode snapshot = json(candidate.resolve("snapshot.json"));
    assertThat(snapshot.path("trigger").asText()).isEqualTo("drift");
    assertThat(snapshot.path("store").path("rows").asInt()).isEqualTo(LABELLED);
    assertThat(snapshot.path("rows").asInt()).isEqualTo(2000 + LABELLED);
    String sha256 = snapshot.path("sha256").asText();
    String text;
    try (InputStream in =
        new GZIPInputStream(Files.newInputStream(run("snapshot/" + sha256 + ".csv.gz")))) {
      text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    assertThat(text).doesNotContain("canary").contains("0.41,0.9,1.8,5,210,,0.9,0.6,14,0.5,3,9,");
    assertThat(
            json(candidate.resolve("manifest.json"))
                .path("provenance")
                .path("datasetSha256")
                .asText())
        .isEqualTo(sha256);
    return sha256;
  }

  @Test
  @Order(2)
  void flow_snapshotTamperedWith_stopsAndNamesTheStep() throws Exception {
    Path snapshot;
    try (Stream<Path> files = Files.list(run("snapshot"))) {
      snapshot = files.filter(f -> f.toString().endsWith(".csv.gz")).findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(snapshot);
    bytes[bytes.length / 2] ^= 1;
    Files.write(snapshot, bytes);
    int before = calls().size();

    String output = prefect.flowWithServer(SETTINGS, risk()).ended(1);

    assertThat(output).contains("flow: snapshot: " + snapshot, "expected SHA-256");
    assertThat(calls()).hasSize(before);
  }

  @Test
  void flow_otherOptionsForTheSameVersion_isRefused() throws Exception {
    Path work = Files.createDirectories(dir.resolve("other"));
    Files.createDirectories(work.resolve("risk-score_20261125"));
    Files.writeString(work.resolve("risk-score_20261125/run.json"), "{\"model\": \"risk-score\"}");

    String output = prefect.flowWithServer(SETTINGS, risk("--work", work.toString())).ended(1);

    assertThat(output).contains("risk-score_20261125 was begun with {'model': 'risk-score'}");
  }

  @Test
  void serve_registersTuesdayAndThursdayInAest() throws Exception {
    Prefect.Flow serving = prefect.flowWithServer(Map.of(), "--model", "risk-score", "--serve");
    try {
      RunningService.await(
          Duration.ofSeconds(60),
          () -> {
            try {
              return prefect.deployments().size() == 1;
            } catch (IOException | InterruptedException e) {
              return false;
            }
          });
      JsonNode deployment = prefect.deployments().path(0);
      assertThat(deployment.path("name").asText()).isEqualTo("retrain-risk-score");
      JsonNode schedule = deployment.path("schedules").path(0);
      assertThat(schedule.path("active").asBoolean()).isTrue();
      assertThat(schedule.path("schedule").path("cron").asText()).isEqualTo("0 2 * * 2,4");
      assertThat(schedule.path("schedule").path("timezone").asText())
          .isEqualTo("Australia/Brisbane");
    } finally {
      serving.killTree();
    }
  }
}
