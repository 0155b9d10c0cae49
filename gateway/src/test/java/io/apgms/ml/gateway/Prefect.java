package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Prefect as a script puts it on the machine: its server, and the flow with or without one. */
final class Prefect {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private final Path dir;
  private final Path python;
  private final String api;
  private final Process server;

  private Prefect(Path dir) throws Exception {
    this.dir = dir;
    this.python = Path.of(printed("tools/install-prefect.sh"));
    int port = RunningService.freePort();
    this.api = "http://127.0.0.1:" + port + "/api";
    ProcessBuilder builder =
        new ProcessBuilder(
            python.resolveSibling("prefect").toString(),
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            Integer.toString(port),
            "--no-ui");
    own(builder, "server");
    this.server =
        builder
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(dir.resolve("prefect-server.log").toFile()))
            .start();
  }

  /** A server that is starting; the first flow that needs it waits for it. */
  static Prefect start(Path dir) throws Exception {
    return new Prefect(dir);
  }

  /** A home of its own: a profile of whoever runs the test is not for it. */
  private void own(ProcessBuilder builder, String home) {
    builder.environment().put("PREFECT_HOME", dir.resolve("prefect-" + home).toString());
    builder.environment().put("PREFECT_SERVER_ANALYTICS_ENABLED", "false");
    builder.environment().put("DO_NOT_TRACK", "1");
  }

  /** A run of ml/training/flow.py that has begun. */
  record Flow(Process process, Path log) {
    String text() {
      try {
        return Files.readString(log);
      } catch (IOException e) {
        return "(no log)";
      }
    }

    /** Its output, once it has ended with that code. */
    String ended(int exit) throws InterruptedException {
      if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != exit) {
        killTree();
        throw new AssertionError("the flow ended with " + process + ":\n" + text());
      }
      return text();
    }

    /** As a crash, with whatever it started. */
    void killTree() {
      List<ProcessHandle> below = process.descendants().toList();
      process.destroyForcibly();
      below.forEach(ProcessHandle::destroyForcibly);
    }
  }

  Flow flowWithServer(Map<String, String> environment, String... arguments) throws Exception {
    awaitServer();
    ProcessBuilder builder = flow(environment, arguments);
    builder.environment().put("PREFECT_API_URL", api);
    return begin(builder);
  }

  Flow flowWithoutServer(Map<String, String> environment, String... arguments) throws Exception {
    ProcessBuilder builder = flow(environment, arguments);
    builder.environment().remove("PREFECT_API_URL");
    return begin(builder);
  }

  private ProcessBuilder flow(Map<String, String> environment, String... arguments) {
    List<String> words = new ArrayList<>();
    words.add(python.toString());
    words.add(RunningService.HOME.resolve("ml/training/flow.py").toString());
    words.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
    own(builder, "flow");
    builder.environment().remove("GITHUB_OUTPUT");
    builder.environment().putAll(environment);
    return builder;
  }

  private Flow begin(ProcessBuilder builder) throws IOException {
    Path log = Files.createTempFile(dir, "flow", ".log");
    return new Flow(builder.redirectOutput(Redirect.to(log.toFile())).start(), log);
  }

  private void awaitServer() throws InterruptedException {
    RunningService.await(
        Duration.ofSeconds(90),
        () -> {
          if (!server.isAlive()) {
            throw new AssertionError("Prefect's server ended");
          }
          try {
            HttpRequest health = HttpRequest.newBuilder(URI.create(api + "/health")).build();
            return CLIENT.send(health, BodyHandlers.discarding()).statusCode() == 200;
          } catch (IOException | InterruptedException e) {
            return false;
          }
        });
  }

  /** The deployments that the server knows. */
  JsonNode deployments() throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(api + "/deployments/filter"))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString("{}"))
            .build();
    return JSON.readTree(CLIENT.send(request, BodyHandlers.ofString()).body());
  }

  private static String printed(String... command) throws Exception {
    Process p =
        new ProcessBuilder(command)
            .directory(RunningService.HOME.toFile())
            .redirectError(Redirect.INHERIT)
            .start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (p.waitFor() != 0) {
      throw new AssertionError(String.join(" ", command) + " ended with " + p);
    }
    return out;
  }

  void stop() throws InterruptedException {
    List<ProcessHandle> below = server.descendants().toList();
    server.destroy();
    if (!server.waitFor(10, TimeUnit.SECONDS)) {
      server.destroyForcibly();
    }
    below.forEach(ProcessHandle::destroyForcibly);
  }
}
