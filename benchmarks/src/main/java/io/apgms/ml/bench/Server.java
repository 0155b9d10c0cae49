package io.apgms.ml.bench;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A server under test in a process of its own, so that its CPU time is its own. */
final class Server implements AutoCloseable {
  private static final long TICKS_PER_SECOND = 100; // USER_HZ, fixed on Linux
  private static final Duration START_BOUND = Duration.ofSeconds(90);

  private final String name;
  private final Process process;
  private final int port;
  private final long readyMs;
  private final HttpClient client = HttpClient.newHttpClient();

  private Server(String name, Process process, int port, long readyMs) {
    this.name = name;
    this.process = process;
    this.port = port;
    this.readyMs = readyMs;
  }

  /** Starts a command and waits until {@code readyUrl} answers. */
  static Server start(
      String name, List<String> command, Map<String, String> environment, int port, String readyUrl)
      throws IOException, InterruptedException {
    Path log = Path.of(System.getProperty("bench.dir"), name + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(log.toFile()));
    builder.environment().putAll(environment);
    builder.environment().put("ML_DRAIN_MS", "0"); // no balancer to wait for
    long started = System.nanoTime();
    Process process = builder.start();
    HttpClient client = HttpClient.newHttpClient();
    HttpRequest probe = HttpRequest.newBuilder(URI.create(readyUrl)).build();
    while (System.nanoTime() - started < START_BOUND.toNanos()) {
      if (!process.isAlive()) {
        break;
      }
      try {
        if (client.send(probe, BodyHandlers.discarding()).statusCode() < 500) {
          long ms = Duration.ofNanos(System.nanoTime() - started).toMillis();
          return new Server(name, process, port, ms);
        }
      } catch (IOException e) {
        // not listening yet
      }
      Thread.sleep(20);
    }
    process.destroy();
    throw new IOException(name + " did not start, see " + log + ":\n" + Files.readString(log));
  }

  String name() {
    return name;
  }

  int port() {
    return port;
  }

  long readyMs() {
    return readyMs;
  }

  /** Microseconds of user and system time since the process started. */
  long cpuMicros() throws IOException {
    String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    long ticks = Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    return ticks * 1_000_000 / TICKS_PER_SECOND;
  }

  long rssMiB() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024;
      }
    }
    throw new IOException("no VmRSS of " + name);
  }

  HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build();
    return client.send(request, BodyHandlers.ofString());
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return get(port, path);
  }

  HttpResponse<String> get(int port, String path) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
    return client.send(request, BodyHandlers.ofString());
  }

  @Override
  public void close() {
    process.destroy();
    try {
      process.onExit().get(30, java.util.concurrent.TimeUnit.SECONDS);
    } catch (java.util.concurrent.ExecutionException
        | java.util.concurrent.TimeoutException
        | InterruptedException e) {
      process.destroyForcibly();
    }
  }
}
