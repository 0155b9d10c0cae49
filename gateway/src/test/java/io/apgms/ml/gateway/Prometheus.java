package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

/** A real Prometheus that scrapes services each second, by the rules of the project. */
final class Prometheus implements AutoCloseable {
  static final Path RULES = observability("prometheus/rules/ml-service.rules.yml");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final int port = RunningService.freePort();
  private final HttpClient client = HttpClient.newHttpClient();
  private final Process process;

  /**
   * Starts it.
   *
   * @param rules the file of rules
   * @param alertmanager its port; 0 for none
   */
  Prometheus(Path dir, Path rules, List<RunningService> services, int alertmanager)
      throws IOException, InterruptedException {
    install();
    String targets =
        services.stream()
            .map(s -> "'127.0.0.1:" + s.managementPort() + "'")
            .collect(Collectors.joining(", "));
    String config =
        """
        global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
        rule_files: ['%s']
        scrape_configs:
          - job_name: ml-service
            static_configs: [{targets: [%s]}]
        """
            .formatted(rules.toAbsolutePath(), targets);
    if (alertmanager > 0) {
      config +=
          """
          alerting:
            alertmanagers:
              - static_configs: [{targets: ['127.0.0.1:%d']}]
          """
              .formatted(alertmanager);
    }
    Path home = Files.createDirectories(dir.resolve("prometheus"));
    Path file = Files.writeString(home.resolve("prometheus.yml"), config);
    process =
        new ProcessBuilder(
                "prometheus",
                "--config.file=" + file,
                "--storage.tsdb.path=" + home.resolve("data"),
                "--web.listen-address=127.0.0.1:" + port)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(home.resolve("prometheus.log").toFile()))
            .start();
    RunningService.await(Duration.ofSeconds(20), () -> result("up{job=\"ml-service\"}").size() > 0);
  }

  static Path observability(String file) {
    return RunningService.HOME.resolve("infra/observability").resolve(file);
  }

  static void install() throws IOException, InterruptedException {
    String install = RunningService.HOME.resolve("tools/install-prometheus.sh").toString();
    if (new ProcessBuilder(install).inheritIO().start().waitFor() != 0) {
      throw new AssertionError(install + " failed");
    }
  }

  String url() {
    return "http://127.0.0.1:" + port;
  }

  /** What a query gives now: the samples; empty while it cannot be asked. */
  JsonNode result(String query) {
    try {
      return ask(query).at("/data/result");
    } catch (IOException e) {
      return JSON.missingNode();
    }
  }

  /** The whole answer to a query, also where it is an error. */
  JsonNode ask(String query) throws IOException {
    String encoded = URLEncoder.encode(query, StandardCharsets.UTF_8);
    return get("/api/v1/query?query=" + encoded);
  }

  /** Whether an alert of that name fires, with all those {@code name="value"} among its labels. */
  boolean fires(String alert, String... labels) {
    String more = String.join(",", labels);
    return result("ALERTS{alertstate=\"firing\",alertname=\"" + alert + "\"," + more + "}").size()
        > 0;
  }

  JsonNode get(String path) throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url() + path)).timeout(Duration.ofSeconds(5)).build();
    try {
      return JSON.readTree(client.send(request, BodyHandlers.ofString()).body());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while Prometheus was asked", e);
    }
  }

  @Override
  public void close() {
    process.destroy();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
