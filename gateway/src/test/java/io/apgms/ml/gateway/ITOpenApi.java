package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.apgms.ml.gateway.http.Roles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * schemathesis against both listeners of a service of its own, all phases; it rolls back, pins and
 * forces observe as it likes. {@code -Dsoak=true} for more examples and seeds.
 */
class ITOpenApi {
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final int EXAMPLES = SOAK ? 200 : 10; // of an operation and phase
  private static final int SEEDS = SOAK ? 3 : 1;
  private static final Duration BOUND = SOAK ? Duration.ofMinutes(10) : Duration.ofMinutes(3);

  /** All that a token can have: a refusal for a role would hide what the route does. */
  private static final List<String> ROLES =
      List.of(
          Roles.ONCALL,
          Roles.DATA_SCIENTIST,
          Roles.DS_LEAD,
          Roles.COMPLIANCE,
          Roles.SRE,
          Roles.SCORER,
          Roles.LABELLER,
          Roles.ALERTMANAGER);

  private static final List<String> PHASES = List.of("Examples", "Coverage", "Fuzzing", "Stateful");

  @TempDir static Path dir;
  private static RunningService service;
  private static String token;

  @BeforeAll
  static void start() throws Exception {
    service = RunningService.start(dir, Map.of("ML_DATABASE_TIMEOUT_MS", "8000")); // a busy machine
    List<String> asking = new ArrayList<>(List.of("token", "--subject", "test-fuzz"));
    for (String role : ROLES) {
      asking.addAll(List.of("--role", role));
    }
    token = service.run(Map.of(), 0, asking.toArray(String[]::new));
  }

  @AfterAll
  static void stop() {
    service.close();
  }

  private record Run(int exit, String report) {}

  private static int port(String listener) {
    return listener.equals("api") ? service.apiPort() : service.managementPort();
  }

  private static Run schemathesis(String listener, Path document, int examples, int seed)
      throws IOException, InterruptedException {
    Path report = Files.createTempFile(dir, "report", ".txt");
    ProcessBuilder command =
        new ProcessBuilder(
            RunningService.HOME.resolve("tools/schemathesis.sh").toString(),
            "http://127.0.0.1:" + port(listener),
            Integer.toString(examples));
    command.environment().put("ML_TOKEN", token);
    command.environment().put("SEED", Integer.toString(seed));
    command.environment().put("DOCUMENT", document.toString());
    Process process = command.redirectErrorStream(true).redirectOutput(report.toFile()).start();
    if (!process.waitFor(BOUND.toSeconds(), TimeUnit.SECONDS)) {
      process.destroy();
      throw new AssertionError("not within " + BOUND + ":\n" + Files.readString(report));
    }
    return new Run(process.exitValue(), Files.readString(report));
  }

  /** The document as it is served; from a file, schemathesis tests its own route too. */
  private static Path served(String listener) throws Exception {
    String text =
        listener.equals("api")
            ? service.api("GET", "/openapi.yaml", null).body()
            : service.management("GET", "/openapi.yaml", null, null).body();
    return Files.writeString(dir.resolve(listener + ".yaml"), text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"api", "management"})
  void schemathesis_ofAListener_findsNothing(String listener) throws Exception {
    Path document = served(listener);
    int operations = Contract.of(listener).operations().size();
    for (int seed = 1; seed <= SEEDS; seed++) {
      Run run = schemathesis(listener, document, EXAMPLES, seed);
      assertThat(run.exit).as(run.report).isZero();
      assertThat(run.report).contains("Tested: " + operations + "\n");
      PHASES.forEach(phase -> assertThat(run.report).contains("✅ " + phase));
    }
    assertThat(service.management("GET", "/health/ready", null, null).statusCode()).isEqualTo(200);
  }

  /** The positive control: a document that lies about a type and leaves out a status. */
  @Test
  void schemathesis_ofADocumentThatLies_findsIt() throws Exception {
    ObjectNode document = Contract.of("api").copy();
    ((ObjectNode) document.requiredAt("/components/schemas/Model/properties/threshold"))
        .removeAll()
        .put("type", "string");
    ((ObjectNode) document.requiredAt("/paths/~1ml~1models~1{modelId}/get/responses"))
        .remove("404");
    Path lies = dir.resolve("lies.yaml");
    new YAMLMapper().writeValue(lies.toFile(), document);
    Run run = schemathesis("api", lies, 1, 1);
    assertThat(run.exit).as(run.report).isEqualTo(1);
    assertThat(run.report)
        .contains("GET /ml/models/{modelId}", "Response violates schema", "Undocumented");
  }
}
