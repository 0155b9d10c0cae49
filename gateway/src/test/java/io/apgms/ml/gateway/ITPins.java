package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An environment pin goes around no approval: a folder on disk is not a version. */
class ITPins {
  @TempDir Path dir;

  @Test
  void pin_toAVersionThatWasNeverActive_servesNothing_toOneThatWas_serves() throws Exception {
    ApprovalRun run = new ApprovalRun(dir);
    Path signed = run.models.resolve("risk-score/20261123");
    Path aside = dir.resolve("aside");
    Files.move(signed, aside);
    RunningService.start(dir, run.environment()).close(); // a database that knows 20261116 alone
    Files.move(aside, signed);

    Map<String, String> settings = new HashMap<>(run.environment());
    settings.put("ML_MODEL_VERSION", "risk-score=20261123");
    try (RunningService service = RunningService.startAlive(dir, settings)) {
      RunningService.await(
          Duration.ofSeconds(20), () -> service.logText().contains("was never active"));
      assertThat(service.management("GET", "/health/ready", null, null).statusCode())
          .isEqualTo(503);
      assertThat(service.api("POST", "/ml/score", ITFaults.CASE).statusCode()).isEqualTo(503);
    }

    settings.put("ML_MODEL_VERSION", "risk-score=20261116");
    try (RunningService service = RunningService.start(dir, settings)) {
      assertThat(RunningService.json(service.api("POST", "/ml/score", ITFaults.CASE)).toString())
          .contains("\"modelVersion\":\"20261116\"");
    }
  }
}
