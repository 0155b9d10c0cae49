package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.registry.signature.Trust;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rehearsals of rollbacks beside a service that serves: measured, or failed with the reason. */
class ITDrill {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String DRILL = "apgms_ml_rollback_drill_";
  private static final Duration BOUND = Duration.ofSeconds(20);
  private static final int MOST_LINES = 20;

  @TempDir Path dir;
  private ApprovalRun copy;
  private Path trust;
  private RunningService service;

  @Test
  void drill_besideTraffic_measuresOrSaysWhyNot_andTouchesNothing() throws Exception {
    copy = new ApprovalRun(dir);
    trust = dir.resolve("trust.json");
    Trust shipped = Trust.parse(Files.readAllBytes(RunningService.HOME.resolve("conf/trust.json")));
    Trust pinned = WrongGolden.plant(copy.models, "credit-default", "20261116", shipped);
    Files.write(trust, pinned.toJson());
    Map<String, String> settings = new HashMap<>(copy.environment());
    settings.put("ML_TRUST_FILE", trust.toString());
    try (RunningService running = RunningService.start(dir, settings)) {
      service = running;
      assertThat(service.metric(DRILL + "last_success_timestamp_seconds")).isZero();
      try (Askers traffic =
          new Askers()
              .ask("score", () -> service.api("POST", "/ml/score", ITFaults.CASE))
              .start()) {
        oneByOne();
        onSchedule(pinned);
        assertThat(service.logText()).contains("ROLLBACK DRILL FAILED: risk-score: revoked");
        requireUntouched(traffic);
        rollBack(); // the control: with a real rollback the same is not untouched
        traffic.await("score", a -> a.body().contains("20261116"));
        assertThatThrownBy(() -> requireUntouched(traffic)).isInstanceOf(AssertionError.class);
      }
    }
  }

  private void oneByOne() throws Exception {
    double before = Instant.now().toEpochMilli() / 1e3;
    JsonNode passed = JSON.readTree(drill(0, "--model", "risk-score", "--json"));
    assertThat(passed.path("outcome").asText()).isEqualTo("passed");
    assertThat(passed.path("to").asText()).isEqualTo("20261116");
    assertThat(passed.path("diskMs").asLong()).isPositive().isLessThan(3_000);
    assertThat(drill(1, "--model", "credit-default"))
        .startsWith("golden credit-default 20261123 -> 20261116, FAILED: golden row 0 scores");
    assertThat(drill(1, "--model", "nobody")).contains("expected one of");
    RunningService.await(BOUND, () -> metric("failures_total", "credit-default", "golden") == 1);
    assertThat(metric("failures_total", "risk-score")).isZero();
    double warm = metric("seconds", "risk-score", "warm");
    double disk = metric("seconds", "risk-score", "disk");
    System.out.printf("a rollback rehearsed: %.4f s warm, %.4f s from disk%n", warm, disk);
    assertThat(warm).isPositive().isLessThan(disk);
    assertThat(metric("last_success_timestamp_seconds", "risk-score")).isGreaterThan(before);
    assertThat(metric("last_success_timestamp_seconds", "credit-default")).isZero();
    String audit = "postgresql://nobody:none@127.0.0.1:1/none";
    assertThat(service.run(Map.of("ML_DATABASE_URL", audit), 3, "drill")).contains("away");
  }

  private String drill(int exit, String... options) throws Exception {
    String[] words = new String[options.length + 1];
    words[0] = "drill";
    System.arraycopy(options, 0, words, 1, options.length);
    return service.run(Map.of(), exit, words);
  }

  /** A process that goes on by itself meets one fault after the other. */
  private void onSchedule(Trust pinned) throws Exception {
    Path target = copy.models.resolve("risk-score/20261116");
    Process process = service.spawn("drill", "--model", "risk-score", "--every", "PT1S", "--json");
    try (BufferedReader lines = process.inputReader()) {
      await(lines, "passed");
      Replicas.alter(target);
      assertThat(await(lines, "altered").path("reason").asText()).contains("model.pt");
      Replicas.alter(target);
      await(lines, "passed");
      Files.write(
          trust, pinned.with(Trust.Revoked.version("risk-score", "20261116", "a test")).toJson());
      assertThat(await(lines, "revoked").path("reason").asText()).contains("a test");
      Files.write(trust, pinned.toJson());
      await(lines, "passed");
    } finally {
      process.destroy();
      assertThat(process.onExit().get(20, java.util.concurrent.TimeUnit.SECONDS)).isNotNull();
    }
    RunningService.await(BOUND, () -> metric("failures_total", "risk-score", "altered") >= 1);
    RunningService.await(BOUND, () -> metric("failures_total", "risk-score", "revoked") >= 1);
  }

  /** The next line with that outcome. */
  private static JsonNode await(BufferedReader lines, String outcome) throws IOException {
    for (int i = 0; i < MOST_LINES; i++) {
      String line = lines.readLine();
      if (line == null) {
        break;
      }
      JsonNode said = line.startsWith("{") ? JSON.readTree(line) : JSON.createObjectNode();
      if (said.path("outcome").asText().equals(outcome)) {
        return said;
      }
    }
    throw new AssertionError("no rehearsal came to " + outcome);
  }

  private double metric(String name, String... labels) {
    try {
      return service.metric(DRILL + name, labels);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void requireUntouched(Askers traffic) throws Exception {
    List<Askers.Answer> answers = traffic.of("score");
    assertThat(answers).hasSizeGreaterThan(100);
    assertThat(answers)
        .allSatisfy(
            a -> {
              assertThat(a.status()).as(a.body()).isEqualTo(200);
              assertThat(a.body()).contains("\"modelVersion\":\"20261123\"");
            });
    JsonNode known =
        RunningService.json(
            service.management(
                "GET", "/admin/models/risk-score/deployments", null, service.token("oncall")));
    assertThat(known.path("deployments")).hasSize(2);
    assertThat(known.path("replicas")).as("a rehearsing process is none").hasSize(1);
    assertThat(service.metric("apgms_ml_rollback_duration_seconds_count")).isZero();
  }

  private void rollBack() throws Exception {
    assertThat(
            service
                .management(
                    "POST",
                    "/admin/models/risk-score/rollback",
                    "{\"reason\":\"the control\"}",
                    service.token("oncall"))
                .statusCode())
        .isEqualTo(200);
  }
}
