package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.http.DevIssuer;
import io.vertx.core.Vertx;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** A real {@code bin/ml-service serve} in a process of its own. */
final class RunningService implements AutoCloseable {
  static final Path HOME = Path.of("..").toAbsolutePath().normalize();
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Contract API = Contract.of("api");
  private static final Contract MANAGEMENT = Contract.of("management");

  private static boolean archived;

  private final Map<String, String> environment;
  private final Path log;
  private final int apiPort;
  private final int managementPort;
  private final HttpClient client;
  private Process process;

  private RunningService(Path dir, Map<String, String> extra) throws Exception {
    archiveClasses();
    this.apiPort = freePort();
    this.managementPort = freePort();
    this.log = Files.createDirectories(dir).resolve("service.log");
    this.environment = new HashMap<>(extra);
    environment.putIfAbsent("ML_DRAIN_MS", "0"); // no balancer to wait for
    HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5));
    if (extra.containsKey("ML_TLS_CERT")) {
      builder.sslContext(TestCertificate.trusting(Path.of(extra.get("ML_TLS_CERT"))));
    }
    this.client = builder.build();
    environment.put("ML_HTTP_PORT", Integer.toString(apiPort));
    environment.put("ML_MANAGEMENT_PORT", Integer.toString(managementPort));
    environment.put("ML_DATA_DIR", dir.resolve("data").toString());
  }

  /** As `make build` does after the jar, which the build of these tests has made without it. */
  private static synchronized void archiveClasses() throws Exception {
    if (!archived) {
      String script = HOME.resolve("tools/archive-classes.sh").toString();
      finish(new ProcessBuilder(script), 0, script);
      archived = true;
    }
  }

  static RunningService start(Path dir, Map<String, String> extra) throws Exception {
    RunningService service = new RunningService(dir, extra);
    Path cluster = dir.resolve("data/postgres");
    if (!extra.containsKey("ML_DATABASE_URL") && !Files.exists(cluster)) {
      Cluster.copyTo(cluster);
    }
    service.launch();
    return service;
  }

  /** As on a machine where it has never run: it makes its database. */
  static RunningService startNew(Path dir, Map<String, String> extra) throws Exception {
    RunningService service = new RunningService(dir, extra);
    service.launch();
    return service;
  }

  /** One that need not become ready. */
  static RunningService startAlive(Path dir, Map<String, String> extra) throws Exception {
    RunningService service = new RunningService(dir, extra);
    service.launch("/health/live");
    return service;
  }

  void launch() throws Exception {
    launch("/health/ready");
  }

  private void launch(String until) throws Exception {
    ProcessBuilder builder = command("serve");
    process =
        builder.redirectErrorStream(true).redirectOutput(Redirect.appendTo(log.toFile())).start();
    await(
        Duration.ofSeconds(60),
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("the service ended:\n" + logText());
          }
          try {
            return management("GET", until, null, null).statusCode() == 200;
          } catch (IOException | InterruptedException e) {
            return false;
          }
        });
  }

  private String scheme() {
    return environment.containsKey("ML_TLS_CERT") ? "https" : "http";
  }

  int apiPort() {
    return apiPort;
  }

  int managementPort() {
    return managementPort;
  }

  /** A setting from the next launch on; null takes it away. */
  void set(String name, String value) {
    if (value == null) {
      environment.remove(name);
    } else {
      environment.put(name, value);
    }
  }

  void signal(String signal) throws IOException, InterruptedException {
    String pid = Long.toString(process.pid());
    if (new ProcessBuilder("kill", "-" + signal, pid).inheritIO().start().waitFor() != 0) {
      throw new AssertionError("kill -" + signal + " " + pid + " failed");
    }
  }

  /** The process, that a test may look at or signal. */
  ProcessHandle handle() {
    return process.toHandle();
  }

  String logText() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return "(no log)";
    }
  }

  private ProcessBuilder command(String... arguments) {
    return command(environment, arguments);
  }

  private static ProcessBuilder command(Map<String, String> environment, String... arguments) {
    java.util.List<String> words = new java.util.ArrayList<>();
    words.add(HOME.resolve("bin/ml-service").toString());
    words.addAll(java.util.List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.environment().putAll(environment);
    return builder;
  }

  /** Runs a command of the launcher that needs no running service; its output. */
  static String launcher(Map<String, String> environment, int expectedExit, String... arguments)
      throws Exception {
    return finish(command(environment, arguments), expectedExit, String.join(" ", arguments));
  }

  /** Runs another command of the launcher against the same settings; its output. */
  String run(Map<String, String> more, int expectedExit, String... arguments) throws Exception {
    ProcessBuilder builder = command(arguments);
    builder.environment().putAll(more);
    builder.environment().put("ML_URL", "http://127.0.0.1:" + managementPort);
    builder.environment().put("ML_API_URL", "http://127.0.0.1:" + apiPort);
    return finish(builder, expectedExit, String.join(" ", arguments));
  }

  /** Starts another command of the launcher against the same settings; its errors go to the log. */
  Process spawn(String... arguments) throws IOException {
    return command(arguments).redirectError(Redirect.appendTo(log.toFile())).start();
  }

  private static String finish(ProcessBuilder builder, int expectedExit, String what)
      throws Exception {
    Process p = builder.redirectErrorStream(true).start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!p.waitFor(60, TimeUnit.SECONDS) || p.exitValue() != expectedExit) {
      throw new AssertionError(what + " ended with " + p + ":\n" + out);
    }
    return out.strip();
  }

  /** Runs a script that speaks of the default ports; what it printed. */
  String shell(String script) throws Exception {
    String here =
        script
            .replace("localhost:8080", "127.0.0.1:" + apiPort)
            .replace("localhost:9090", "127.0.0.1:" + managementPort);
    ProcessBuilder builder = new ProcessBuilder("bash", "-c", here).directory(HOME.toFile());
    builder.environment().putAll(environment);
    builder.environment().put("ML_URL", "http://127.0.0.1:" + managementPort);
    builder.environment().put("ML_API_URL", "http://127.0.0.1:" + apiPort);
    return finish(builder, 0, "the script");
  }

  /** As the command `token` mints it. */
  String token(String roles) throws IOException {
    Vertx vertx = Vertx.vertx();
    try {
      return DevIssuer.open(vertx, Path.of(environment.get("ML_DATA_DIR")))
          .mint("test-" + roles, null, List.of(roles.split(",")));
    } finally {
      PlantedService.await(vertx.close());
    }
  }

  HttpResponse<String> api(String method, String path, String body)
      throws IOException, InterruptedException {
    return call(apiPort, method, path, body, Map.of());
  }

  HttpResponse<String> api(String method, String path, String body, Map<String, String> headers)
      throws IOException, InterruptedException {
    return call(apiPort, method, path, body, headers);
  }

  HttpResponse<String> management(String method, String path, String body, String token)
      throws IOException, InterruptedException {
    Map<String, String> headers =
        token == null ? Map.of() : Map.of("Authorization", "Bearer " + token);
    return call(managementPort, method, path, body, headers);
  }

  private HttpResponse<String> call(
      int port, String method, String path, String body, Map<String, String> headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(scheme() + "://127.0.0.1:" + port + path))
            .timeout(Duration.ofSeconds(20));
    headers.forEach(request::setHeader);
    if (body == null) {
      request.method(method, BodyPublishers.noBody());
    } else {
      if (!headers.containsKey("Content-Type")) {
        request.header("Content-Type", "application/json");
      }
      request.method(method, BodyPublishers.ofString(body));
    }
    HttpResponse<String> response = client.send(request.build(), BodyHandlers.ofString());
    requireDocumented(port == apiPort ? API : MANAGEMENT, method, path, response);
    return response;
  }

  /** Whatever a test is about: no answer may be one that the listener's document does not have. */
  private static void requireDocumented(
      Contract contract, String method, String path, HttpResponse<String> response) {
    Map<String, String> headers = new HashMap<>();
    response.headers().map().forEach((name, values) -> headers.put(name, values.get(0)));
    Contract.Answer answer =
        new Contract.Answer(
            method,
            path.replaceAll("\\?.*", ""),
            response.statusCode(),
            headers,
            response.body().getBytes(StandardCharsets.UTF_8));
    if (!contract.violations(answer).isEmpty()) {
      throw new AssertionError(contract.violations(answer) + "\n" + response.body());
    }
  }

  /** The status line that these bytes are answered with. */
  String raw(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), apiPort)) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      return new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1))
          .readLine();
    }
  }

  static JsonNode json(HttpResponse<String> response) throws IOException {
    return JSON.readTree(response.body());
  }

  /** Sum of the samples of a metric whose labels contain all the given texts. */
  double metric(String name, String... labels) throws IOException, InterruptedException {
    double sum = 0;
    for (String line : management("GET", "/metrics", null, null).body().lines().toList()) {
      boolean wanted = line.startsWith(name + "{") || line.startsWith(name + " ");
      for (String label : labels) {
        wanted &= line.contains(label);
      }
      if (wanted) {
        sum += Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
      }
    }
    return sum;
  }

  /** As a crash: no handler runs, and the embedded PostgreSQL is left behind. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  static void await(Duration bound, BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + bound.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("not within " + bound);
      }
      TimeUnit.MILLISECONDS.sleep(20); // polling a process that is not ours to wake us
    }
  }

  /**
   * Below those that Linux gives to outgoing connections, of which other tests make thousands: one
   * of them could have it before the service does.
   */
  static int freePort() {
    for (int attempt = 0; attempt < 1_000; attempt++) {
      int port = ThreadLocalRandom.current().nextInt(20_000, 32_000);
      try (ServerSocket socket = new ServerSocket(port)) {
        return socket.getLocalPort();
      } catch (IOException e) {
        // somebody has it
      }
    }
    throw new AssertionError("no port from 20000 to 31999 is free");
  }

  @Override
  public void close() {
    process.destroy();
    process
        .onExit()
        .orTimeout(25, TimeUnit.SECONDS)
        .exceptionally(
            late -> {
              process.destroyForcibly();
              throw new AssertionError("SIGTERM did not end the service within 25 s");
            })
        .join();
  }
}
