package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A real Unleash server, in a database of its own in a cluster that others use too. */
final class UnleashServer implements AutoCloseable {
  static final String ADMIN_TOKEN = "*:*.planted-admin-token";
  static final String BACKEND_TOKEN = "default:production.planted-backend-token";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  private final int port;
  private final Path log;
  private Process process;

  /** Has a port, and runs nothing yet. */
  UnleashServer(Path dir) throws IOException {
    this.port = RunningService.freePort();
    this.log = dir.resolve("unleash.log");
  }

  /** The path that a script of tools/ prints, which installs what is there. */
  static Path installed() throws Exception {
    Process p =
        new ProcessBuilder("tools/install-unleash.sh")
            .directory(RunningService.HOME.toFile())
            .redirectError(Redirect.INHERIT)
            .start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (p.waitFor() != 0) {
      throw new AssertionError("tools/install-unleash.sh ended with " + p);
    }
    return Path.of(out);
  }

  /** Starts it and returns at once. */
  void start(EmbeddedPostgres postgres) throws Exception {
    createDatabase(postgres);
    ProcessBuilder builder = new ProcessBuilder(installed().toString());
    builder.environment().put("HTTP_HOST", "127.0.0.1");
    builder.environment().put("HTTP_PORT", Integer.toString(port));
    builder
        .environment()
        .put(
            "DATABASE_URL",
            "postgres://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/unleash");
    builder.environment().put("DATABASE_SSL", "false");
    builder.environment().put("INIT_ADMIN_API_TOKENS", ADMIN_TOKEN);
    builder.environment().put("INIT_BACKEND_API_TOKENS", BACKEND_TOKEN);
    builder.environment().put("CHECK_VERSION", "false");
    builder.environment().put("SEND_TELEMETRY", "false");
    builder.environment().put("LOG_LEVEL", "warn");
    process = builder.redirectErrorStream(true).redirectOutput(Redirect.to(log.toFile())).start();
  }

  private static void createDatabase(EmbeddedPostgres postgres) throws SQLException {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE DATABASE unleash");
    }
  }

  UnleashServer awaitReady() throws InterruptedException {
    RunningService.await(
        Duration.ofSeconds(90),
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("Unleash ended:\n" + logText());
          }
          try {
            return call("GET", "/health", null).statusCode() == 200;
          } catch (IOException | InterruptedException e) {
            return false;
          }
        });
    return this;
  }

  private String logText() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return "(no log)";
    }
  }

  String url() {
    return "http://127.0.0.1:" + port;
  }

  private HttpResponse<String> call(String method, String path, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url() + path))
            .timeout(Duration.ofSeconds(20))
            .header("Authorization", ADMIN_TOKEN)
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    return CLIENT.send(request.build(), BodyHandlers.ofString());
  }

  /** A call of the Admin API that must be taken. */
  JsonNode admin(String method, String path, String body) throws Exception {
    HttpResponse<String> answer = call(method, "/api/admin" + path, body);
    if (answer.statusCode() >= 300) {
      throw new AssertionError(method + " " + path + ": " + answer + answer.body());
    }
    return answer.body().isEmpty() ? JSON.createObjectNode() : JSON.readTree(answer.body());
  }

  /** Stops it where it stands, or lets it go on. */
  void signal(String signal) throws Exception {
    String pid = Long.toString(process.pid());
    if (new ProcessBuilder("kill", "-" + signal, pid).start().waitFor() != 0) {
      throw new AssertionError("kill -" + signal + " " + pid);
    }
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroy();
      process
          .onExit()
          .completeOnTimeout(process, 10, TimeUnit.SECONDS)
          .thenAccept(Process::destroyForcibly)
          .join();
    }
  }
}
