package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the service does when a part of it is away or broken. */
class ITFaults {
  static final String CASE =
      """
      {"modelId":"risk-score","inputs":{"liquidity_ratio":0.4,"cash_burn_rate":0.9,\
      "revenue_variance":1.8,"late_lodgements_12m":5,"days_since_last_lodgement":210,\
      "payroll_to_revenue":0.7,"tax_debt_ratio":0.9,"industry_volatility":0.6,\
      "account_age_months":14,"refund_claim_ratio":0.5,"director_changes_24m":3,\
      "transaction_anomalies_30d":9}}""";

  /** One that nobody holds. */
  static final String CALM =
      """
      {"modelId":"risk-score","inputs":{"liquidity_ratio":3,"cash_burn_rate":0,\
      "revenue_variance":0.1,"late_lodgements_12m":0,"days_since_last_lodgement":20,\
      "payroll_to_revenue":0.7,"tax_debt_ratio":0,"industry_volatility":0.1,\
      "account_age_months":200,"refund_claim_ratio":0,"director_changes_24m":0,\
      "transaction_anomalies_30d":0}}""";

  /** A second for the database (`ML_DATABASE_TIMEOUT_MS`), the rest for a busy machine. */
  private static final double LONGEST_MS = 1_600;

  @TempDir Path dir;

  /** A label for a decision over {@link #CASE}. */
  static String label(String predictionId, String label) {
    return """
        {"predictionId":"%s","modelId":"risk-score","modelVersion":"20261123",\
        "label":"%s","source":"OPERATOR"}"""
        .formatted(predictionId, label);
  }

  private static JsonNode decision(RunningService service) throws Exception {
    HttpResponse<String> answer = service.api("POST", "/ml/score", CASE);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return RunningService.json(answer);
  }

  private static String source(RunningService service) {
    try {
      HttpResponse<String> answer = service.api("POST", "/ml/score", CASE);
      return RunningService.json(answer).path("decision").path("modeSource").asText();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void signal(String signal, ProcessHandle postmaster) throws Exception {
    List<String> command = new ArrayList<>(List.of("kill", "-" + signal));
    command.add(Long.toString(postmaster.pid()));
    postmaster.descendants().forEach(p -> command.add(Long.toString(p.pid())));
    assertThat(new ProcessBuilder(command).start().waitFor()).isZero();
  }

  @Test
  void score_databaseAway_observesAndCatchesUp() throws Exception {
    Path cluster = dir.resolve("cluster");
    try (EmbeddedPostgres postgres = Cluster.at(cluster).start();
        RunningService service =
            RunningService.start(dir, Acting.settings(dir, Acting.url(postgres.getPort())))) {
      assertThat(decision(service).path("decision").path("enforced").asBoolean()).isTrue();
      ProcessHandle postmaster =
          ProcessHandle.of(
                  Long.parseLong(Files.readAllLines(cluster.resolve("postmaster.pid")).get(0)))
              .orElseThrow();
      List<String> answered = new ArrayList<>();
      Askers askers =
          new Askers()
              .ask("hold", () -> service.api("POST", "/ml/score", CASE))
              .ask("allow", () -> service.api("POST", "/ml/score", CALM))
              .ask("labels", () -> service.api("GET", "/ml/feedback", null))
              .start();
      signal("STOP", postmaster);
      try (askers) {
        RunningService.await(Duration.ofSeconds(10), () -> source(service).equals("unlogged"));
        for (int i = 0; i < 200; i++) {
          JsonNode observed = decision(service);
          assertThat(observed.path("decision").path("mode").asText()).isEqualTo("observe");
          answered.add(observed.path("predictionId").asText());
        }
        assertThat(service.api("GET", "/ml/predictions/" + answered.get(0), null).statusCode())
            .isEqualTo(200);
        assertThat(service.api("GET", "/ml/feedback", null).statusCode()).isEqualTo(503);
      } finally {
        signal("CONT", postmaster);
      }
      requireInTime(askers);
      RunningService.await(Duration.ofSeconds(20), () -> source(service).equals("file"));
      RunningService.await(Duration.ofSeconds(20), () -> waiting(service) == 0);
      for (String id : answered) {
        HttpResponse<String> kept = service.api("GET", "/ml/predictions/" + id, null);
        assertThat(kept.statusCode()).isEqualTo(200);
        assertThat(RunningService.json(kept).path("labels").isArray()).isTrue();
      }
    }
  }

  /** A commit that is not answered within a second is unknown; nothing else waits for it. */
  private static void requireInTime(Askers askers) {
    askers.told().forEach(line -> System.out.println("FROZEN: " + line));
    assertThat(askers.of("hold"))
        .allMatch(a -> a.status() == 200 || a.body().contains("predictionId"));
    assertThat(askers.longestMs("hold")).isLessThan(LONGEST_MS);
    assertThat(askers.statuses("allow")).containsExactly(200);
    assertThat(askers.longestMs("allow")).isLessThan(LONGEST_MS / 2);
    assertThat(askers.longestMs("labels")).isLessThan(LONGEST_MS);
  }

  private static double waiting(RunningService service) {
    try {
      return service.metric("apgms_ml_telemetry_spool_bytes");
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void start_artifactAltered_servesTheOthersAndSaysWhich() throws Exception {
    Path registry = dir.resolve("models");
    copy(RunningService.HOME.resolve("artifacts/models"), registry);
    Map<String, String> settings = Map.of("ML_REGISTRY_DIR", registry.toString());
    RunningService.start(dir, settings).close();

    Path module = registry.resolve("credit-default/20261123/model.pt");
    byte[] bytes = Files.readAllBytes(module);
    bytes[bytes.length / 2] ^= 1;
    Files.write(module, bytes);
    try (RunningService service = RunningService.startAlive(dir, settings)) {
      HttpResponse<String> ready = service.management("GET", "/health/ready", null, null);
      assertThat(ready.statusCode()).isEqualTo(503);
      assertThat(ready.body()).contains("credit-default", "model.pt", "SHA-256");
      assertThat(decision(service).path("modelVersion").asText()).isEqualTo("20261123");
      assertThat(service.run(Map.of(), 1, "verify", "--gate", "integrity"))
          .contains("fail integrity credit-default/20261123");
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
