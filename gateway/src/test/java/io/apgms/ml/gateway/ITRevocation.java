package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is revoked while it serves. */
class ITRevocation {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(20);

  @TempDir Path dir;

  private static String body(String version) throws IOException {
    Path golden = RunningService.HOME.resolve("artifacts/models/risk-score/20261123/golden.json");
    JsonNode row = JSON.readTree(golden.toFile()).get(2);
    ObjectNode body = JSON.createObjectNode().put("modelId", "risk-score");
    if (version != null) {
      body.put("modelVersion", version);
    }
    ObjectNode inputs = body.putObject("inputs");
    row.path("inputs")
        .properties()
        .forEach(
            e -> {
              double value = e.getValue().asDouble();
              if (value == Math.rint(value)) {
                inputs.put(e.getKey(), (long) value);
              } else {
                inputs.put(e.getKey(), value);
              }
            });
    return body.toString();
  }

  private static int score(RunningService service, String version) {
    try {
      return service.api("POST", "/ml/score", body(version)).statusCode();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static int infer(RunningService service, String version) throws Exception {
    String row = "[0.4,0.9,1.8,5,210,0.7,0.9,0.6,14,0.5,3,9]";
    String tensor =
        "{\"name\":\"input\",\"shape\":[1,12],\"datatype\":\"FP64\",\"data\":" + row + "}";
    return service
        .api("POST", "/v2/models/risk-score" + version + "/infer", "{\"inputs\":[" + tensor + "]}")
        .statusCode();
  }

  private static HttpResponse<String> ready(RunningService service) {
    try {
      return service.management("GET", "/health/ready", null, null);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String wrong(RunningService service) {
    try {
      return RunningService.json(ready(service)).path("wrong").toString();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void revoke_whileServing_stopsWithinSecondsAndTheRollbackServes() throws Exception {
    Path trust = dir.resolve("trust.json");
    Files.copy(RunningService.HOME.resolve("conf/trust.json"), trust);
    byte[] shipped = Files.readAllBytes(trust);
    try (RunningService service =
        RunningService.start(
            dir, Map.of("ML_TRUST_FILE", trust.toString(), "ML_DATABASE_TIMEOUT_MS", "10000"))) {
      assertThat(score(service, null)).isEqualTo(200);

      service.run(Map.of(), 0, revoke("20261101"));
      RunningService.await(BOUND, () -> score(service, "20261101") == 409);
      assertThat(score(service, "20200101")).as("unknown, and not revoked").isEqualTo(404);
      assertThat(ready(service).statusCode()).isEqualTo(200);

      service.run(Map.of(), 0, revoke("20261123"));
      RunningService.await(BOUND, () -> score(service, null) == 503);
      RunningService.await(BOUND, () -> ready(service).statusCode() == 503);
      assertThat(wrong(service))
          .contains("risk-score/20261123 is revoked: a test")
          .doesNotContain("credit-default");
      assertThat(infer(service, "")).isEqualTo(503);
      assertThat(infer(service, "/versions/20261123")).isEqualTo(409);
      assertThat(service.logText()).contains("20261123 is revoked and no longer served");

      String token = service.token("oncall");
      assertThat(
              service
                  .management(
                      "POST",
                      "/admin/models/risk-score/rollback",
                      "{\"reason\":\"revoked\"}",
                      token)
                  .statusCode())
          .isEqualTo(200);
      RunningService.await(BOUND, () -> ready(service).statusCode() == 200);
      assertThat(score(service, null)).isEqualTo(200);
      assertThat(score(service, "20261123")).isEqualTo(409);
      assertThat(
              service
                  .management(
                      "POST",
                      "/admin/models/risk-score/rollback",
                      "{\"reason\":\"back\",\"toRevision\":2}",
                      token)
                  .statusCode())
          .as("no way back to it")
          .isEqualTo(409);

      Files.writeString(trust, "{");
      RunningService.await(BOUND, () -> service.logText().contains("nothing can be loaded until"));
      assertThat(score(service, null)).as("what serves goes on").isEqualTo(200);
      assertThat(ready(service).statusCode()).isEqualTo(200);

      Trust again = Trust.parse(shipped);
      String key = again.keys().get(0).key().id();
      Files.write(trust, again.with(Trust.Revoked.key(key, "stolen")).toJson());
      RunningService.await(BOUND, () -> score(service, null) == 503);
      assertThat(score(service, "20261116")).as("what it signed").isEqualTo(503);
      RunningService.await(
          BOUND,
          () -> {
            String wrong = wrong(service);
            return wrong.contains("revoked: stolen") && wrong.contains("credit-default");
          });
    }
  }

  private static String[] revoke(String version) {
    return new String[] {
      "keys", "revoke", "--model", "risk-score", "--version", version, "--reason", "a test"
    };
  }
}
