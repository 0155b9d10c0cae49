package io.apgms.ml.gateway;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * A real HAProxy before the API listeners. It asks each replica's readiness once a second, as a
 * Kubernetes endpoint would, and tries nothing twice: a request that a replica does not answer has
 * failed.
 */
final class HaProxy implements AutoCloseable {
  private final int port = RunningService.freePort();
  private final int statsPort = RunningService.freePort();
  private final HttpClient client = HttpClient.newHttpClient();
  private final Process process;

  HaProxy(Path dir, List<RunningService> replicas) throws IOException, InterruptedException {
    String install = RunningService.HOME.resolve("tools/install-haproxy.sh").toString();
    if (new ProcessBuilder(install).inheritIO().start().waitFor() != 0) {
      throw new AssertionError(install + " failed");
    }
    StringBuilder config =
        new StringBuilder(
            """
            global
              maxconn 2000
            defaults
              mode http
              retries 0
              timeout connect 2s
              timeout client 60s
              timeout server 30s
              timeout check 1s
            frontend stats
              bind 127.0.0.1:%d
              stats enable
              stats uri /stats
            frontend api
              bind 127.0.0.1:%d
              default_backend replicas
            backend replicas
              balance roundrobin
              option httpchk
              http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host replica
              http-check expect status 200
              default-server check inter 1s fall 1 rise 1
            """
                .formatted(statsPort, port));
    for (int i = 0; i < replicas.size(); i++) {
      config.append(
          "  server r%d 127.0.0.1:%d port %d%n"
              .formatted(i, replicas.get(i).apiPort(), replicas.get(i).managementPort()));
    }
    Path file = Files.writeString(dir.resolve("haproxy.cfg"), config);
    process =
        new ProcessBuilder("haproxy", "-db", "-f", file.toString())
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(dir.resolve("haproxy.log").toFile()))
            .start();
  }

  int port() {
    return port;
  }

  /** Waits until it sends requests to that many replicas, no more and no fewer. */
  void awaitUp(int replicas) throws InterruptedException {
    RunningService.await(Duration.ofSeconds(20), () -> up() == replicas);
  }

  private long up() {
    HttpRequest stats =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + statsPort + "/stats;csv"))
            .timeout(Duration.ofSeconds(5))
            .build();
    try {
      return client
          .send(stats, BodyHandlers.ofString())
          .body()
          .lines()
          .filter(line -> line.startsWith("replicas,r") && line.split(",", -1)[17].equals("UP"))
          .count();
    } catch (IOException e) {
      return -1; // it does not listen yet
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
