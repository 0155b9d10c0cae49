package io.apgms.ml.gateway.gates;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code bin/ml-service serve} as it is packaged, in a process and a database of its own, on free
 * loopback ports; it observes and knows no flag service.
 */
final class ServiceUnderTest implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration START_BOUND = Duration.ofSeconds(90);

  /** It says that it serves once it has tried to load its models. */
  private static final Duration HEALTH_BOUND = Duration.ofSeconds(15);

  private static final Duration CALL_BOUND = Duration.ofSeconds(10);
  private static final Duration STOP_BOUND = Duration.ofSeconds(25);
  private static final long POLL_MS = 50;
  private static final Pattern READY =
      Pattern.compile("ready: API (http://[0-9.:]+), management (http://[0-9.:]+)");

  private final HttpClient client = HttpClient.newBuilder().connectTimeout(CALL_BOUND).build();
  private final Process process;
  private final Path log;
  private String api = "";

  /** An answer; its body is missing where it is no JSON. */
  record Answer(int status, JsonNode body) {}

  private ServiceUnderTest(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /**
   * Starts it and waits until it is ready.
   *
   * @param home folder with bin/ml-service
   * @param registry folder of just the versions under test
   * @param scratch folder for its data and its log
   * @throws Child.Failed with its last lines when it does not become ready
   */
  static ServiceUnderTest start(Path home, Settings settings, Path registry, Path scratch)
      throws IOException, InterruptedException, Child.Failed {
    Path data = Files.createDirectories(scratch.resolve("data"));
    Path key = Artifacts.developmentKey(settings);
    if (Files.isRegularFile(key)) { // a candidate may be signed by it
      Files.copy(key, Files.createDirectories(data.resolve("keys")).resolve("development.pub.pem"));
    }
    Path log = scratch.resolve("service.log");
    ProcessBuilder builder =
        new ProcessBuilder(home.resolve("bin/ml-service").toString(), "serve")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    Map<String, String> environment = builder.environment();
    environment.keySet().removeIf(name -> name.startsWith("ML_") || name.startsWith("UNLEASH_"));
    environment.put("ML_HTTP_PORT", "0");
    environment.put("ML_MANAGEMENT_PORT", "0");
    environment.put("ML_DATA_DIR", data.toString());
    environment.put("ML_REGISTRY_DIR", registry.toString());
    environment.put("ML_TRUST_FILE", settings.registry().trust().toString());
    environment.put("ML_POLICY_FILE", settings.registry().policy().toString());
    environment.put("ML_DATABASE_TIMEOUT_MS", "15000"); // its database is not what is measured
    environment.put("ML_DECISION_MODE", "observe");
    environment.put("ML_DRAIN_MS", "0"); // nobody balances to it
    ServiceUnderTest service = new ServiceUnderTest(builder.start(), log);
    try {
      service.awaitReady();
      return service;
    } catch (IOException | InterruptedException | Child.Failed | RuntimeException e) {
      service.close();
      throw e;
    }
  }

  private void awaitReady() throws IOException, InterruptedException, Child.Failed {
    long end = System.nanoTime() + START_BOUND.toNanos();
    String why = "it said nothing";
    while (System.nanoTime() < end) {
      if (!process.isAlive()) {
        throw new Child.Failed("the service does not start: " + Child.lastLines(log));
      }
      Matcher ready = READY.matcher(Files.readString(log));
      if (ready.find()) {
        if (api.isEmpty()) {
          end = Math.min(end, System.nanoTime() + HEALTH_BOUND.toNanos());
        }
        api = ready.group(1);
        Answer health = call("GET", ready.group(2) + "/health/ready", "");
        if (health.status() == 200) {
          return;
        }
        why = health.body().toString();
      }
      TimeUnit.MILLISECONDS.sleep(POLL_MS); // another process, which cannot wake us
    }
    throw new Child.Failed("the service is not ready: " + why);
  }

  /** Whether a version of a model is loaded, waiting for it within the bound of a start. */
  boolean loads(String model, String version) throws IOException, InterruptedException {
    long end = System.nanoTime() + START_BOUND.toNanos();
    while (System.nanoTime() < end && process.isAlive()) {
      if (call("GET", api + "/v2/models/" + model + "/versions/" + version + "/ready", "").status()
          == 200) {
        return true;
      }
      TimeUnit.MILLISECONDS.sleep(POLL_MS);
    }
    return false;
  }

  /** The answer of POST /ml/score. */
  Answer score(String body) throws IOException, InterruptedException {
    return call("POST", api + "/ml/score", body);
  }

  private Answer call(String method, String url, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).timeout(CALL_BOUND);
    if (body.isEmpty()) {
      request.GET();
    } else {
      request.header("Content-Type", "application/json");
      request.method(method, BodyPublishers.ofString(body));
    }
    HttpResponse<byte[]> response = client.send(request.build(), BodyHandlers.ofByteArray());
    byte[] bytes = response.body();
    return new Answer(
        response.statusCode(), bytes.length == 0 ? JSON.missingNode() : JSON.readTree(bytes));
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_BOUND.toMillis(), TimeUnit.MILLISECONDS)) {
        Child.kill(process);
      }
    } catch (InterruptedException e) {
      Child.kill(process);
      Thread.currentThread().interrupt();
    }
  }
}
