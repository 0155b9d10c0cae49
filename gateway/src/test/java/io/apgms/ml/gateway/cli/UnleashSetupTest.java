package io.apgms.ml.gateway.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.apgms.ml.flags.UnleashUrl;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against a stub that can be as wrong as a real one is not; ITUnleash has the real one. */
class UnleashSetupTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String FLAG = "/projects/default/features/ML_DECISION_MODE";
  private static final String PRODUCTION = FLAG + "/environments/production";
  private static final String CANARY =
      "/projects/default/features/ML_CANARY/environments/production";

  private final Map<String, JsonNode> kept = new HashMap<>();
  private final List<String> posts = new ArrayList<>();
  private final Map<String, Integer> refusals = new HashMap<>();
  private boolean halves;
  private HttpServer server;
  private URI api;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/api/admin", this::answer);
    server.start();
    api = UnleashUrl.api("http://127.0.0.1:" + server.getAddress().getPort());
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath().substring("/api/admin".length());
    JsonNode body = JSON.readTree(exchange.getRequestBody().readAllBytes());
    Integer refused = refusals.get(path);
    JsonNode answer = kept.get(path);
    if (exchange.getRequestMethod().equals("POST") && refused == null) {
      posts.add(path);
      answer = post(path, (ObjectNode) body);
    }
    int status = refused != null ? refused : answer == null ? 404 : 200;
    byte[] bytes = String.valueOf(answer).getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private JsonNode post(String path, ObjectNode body) {
    if (path.equals("/context")) {
      kept.put("/context/" + body.path("name").asText(), body);
    } else if (path.endsWith("/features")) {
      body.putArray("environments").addObject().put("name", "production").putArray("strategies");
      kept.put(path + "/" + body.path("name").asText(), body);
    } else if (path.endsWith("/strategies")) {
      if (halves) {
        body.path("variants").forEach(v -> ((ObjectNode) v).put("weight", 500));
      }
      environment(path).withArray("strategies").add(body);
    } else if (path.endsWith("/on")) {
      environment(path).put("enabled", true);
    }
    return body;
  }

  private ObjectNode environment(String path) {
    String flag = path.substring(0, path.indexOf("/environments/"));
    return (ObjectNode) kept.get(flag).path("environments").path(0);
  }

  private ObjectNode production() {
    return environment(PRODUCTION);
  }

  private List<UnleashSetup.Item> run(boolean dryRun) {
    UnleashAdmin admin = new UnleashAdmin(api, "t0ken");
    return new UnleashSetup(admin, "default", "production", dryRun).run();
  }

  @Test
  void run_onAnEmptyServer_makesAllOfItInOrder() {
    assertThat(run(false)).allMatch(i -> i.state() == UnleashSetup.State.CREATED).hasSize(9);
    assertThat(posts)
        .containsExactly(
            "/context",
            "/context",
            "/context",
            "/projects/default/features",
            PRODUCTION + "/strategies",
            PRODUCTION + "/on",
            "/projects/default/features",
            CANARY + "/strategies",
            CANARY + "/on");
  }

  @Test
  void run_again_changesNothing() {
    run(false);
    posts.clear();
    assertThat(run(false)).allMatch(i -> i.state() == UnleashSetup.State.UNCHANGED);
    assertThat(posts).isEmpty();
  }

  @Test
  void run_dry_sendsNothing() {
    assertThat(run(true)).allMatch(i -> i.state() == UnleashSetup.State.CREATED).hasSize(9);
    assertThat(posts).isEmpty();
  }

  @Test
  void run_whatSomebodyChanged_isToldAndKept() {
    run(false);
    posts.clear();
    ((ObjectNode) kept.get("/context/entityId")).put("stickiness", false);
    ((ObjectNode) kept.get(FLAG)).put("type", "release");
    ((ObjectNode) production().path("strategies").path(0).path("variants").path(1))
        .put("weight", 300);
    production().put("enabled", false);
    List<UnleashSetup.Item> items = run(false);
    assertThat(items.stream().filter(i -> i.state() == UnleashSetup.State.KEPT)).hasSize(4);
    assertThat(items).anyMatch(i -> i.detail().contains("act 300"));
    assertThat(posts).isEmpty();
  }

  @Test
  void run_serverThatGivesActAHalf_isNotSwitchedOn() {
    halves = true;
    assertThatThrownBy(() -> run(false))
        .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.exitCode()).isEqualTo(1))
        .hasMessageContaining("act 500");
    assertThat(posts).doesNotContain(PRODUCTION + "/on");
  }

  @Test
  void run_refused_isOneAndAway_isThree() {
    refusals.put("/context", 403);
    assertThatThrownBy(() -> run(false))
        .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.exitCode()).isEqualTo(1))
        .message()
        .contains("403")
        .doesNotContain("t0ken");
    refusals.put("/context", 503);
    assertThatThrownBy(() -> run(false))
        .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.exitCode()).isEqualTo(3));
    refusals.clear();
    refusals.put("/projects/default/features", 409);
    assertThatThrownBy(() -> run(false)).hasMessageContaining("the name is taken");
    server.stop(0);
    assertThatThrownBy(() -> run(false))
        .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.exitCode()).isEqualTo(3));
  }

  @Test
  void run_withoutTheEnvironment_namesThoseThereAre() {
    run(false);
    production().put("name", "staging");
    assertThatThrownBy(() -> run(false))
        .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.exitCode()).isEqualTo(1))
        .hasMessageContaining("'production', expected one of [staging]");
  }

  @Test
  void setup_withoutATokenOrWithABadUrl_isWrongUsage() {
    assertThat(MlService.run("flags", "setup", "--url", "http://127.0.0.1:1")).isEqualTo(2);
    assertThat(MlService.run("flags", "setup", "--url", "ftp://x")).isEqualTo(2);
    assertThat(MlService.run("flags", "setup", "--help")).isZero();
  }
}
