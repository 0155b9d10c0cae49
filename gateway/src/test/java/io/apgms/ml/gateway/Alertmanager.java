package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
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
import java.util.List;

/** A real Alertmanager by the project's file, with other addresses and keys, and short waits. */
final class Alertmanager implements AutoCloseable {
  static final Path CONFIG = Prometheus.observability("alertmanager/alertmanager.yml");
  private static final YAMLMapper YAML = new YAMLMapper();

  private final int port = RunningService.freePort();
  private final HttpClient client = HttpClient.newHttpClient();
  private final Path log;
  private final Process process;

  /**
   * Starts it.
   *
   * @param pagerDuty URL of the receiver of pages
   * @param services told of every alert, each of them
   */
  Alertmanager(
      Path dir, String pagerDuty, String routingKey, String token, List<RunningService> services)
      throws Exception {
    Prometheus.install();
    Path home = Files.createDirectories(dir.resolve("alertmanager"));
    this.log = home.resolve("alertmanager.log");
    ObjectNode config = (ObjectNode) YAML.readTree(Files.readString(CONFIG));
    ObjectNode route = (ObjectNode) config.path("route");
    route.put("group_wait", "100ms").put("group_interval", "1s").put("repeat_interval", "1s");
    ObjectNode page = receiver(config, "pagerduty", "pagerduty_configs");
    page.put("url", pagerDuty + "/v2/enqueue");
    page.put("routing_key_file", write(home.resolve("routing-key"), routingKey));
    ObjectNode hook = receiver(config, "ml-service", "webhook_configs");
    ((ObjectNode) hook.at("/http_config/authorization"))
        .put("credentials_file", write(home.resolve("token"), token));
    ArrayNode hooks = ((ObjectNode) receiverOf(config, "ml-service")).putArray("webhook_configs");
    for (RunningService service : services) {
      String url = "http://127.0.0.1:" + service.managementPort() + "/admin/alerts";
      hooks.add(hook.deepCopy().put("url", url));
    }
    Path file =
        Files.writeString(home.resolve("alertmanager.yml"), YAML.writeValueAsString(config));
    process =
        new ProcessBuilder(
                "prometheus-alertmanager",
                "--config.file=" + file,
                "--storage.path=" + home.resolve("data"),
                "--cluster.listen-address=",
                "--web.listen-address=127.0.0.1:" + port)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(log.toFile()))
            .start();
    RunningService.await(Duration.ofSeconds(20), () -> !metrics().isEmpty());
  }

  private static String write(Path file, String text) throws IOException {
    return Files.writeString(file, text).toString();
  }

  private static JsonNode receiverOf(JsonNode config, String name) {
    for (JsonNode receiver : config.path("receivers")) {
      if (receiver.path("name").asText().equals(name)) {
        return receiver;
      }
    }
    throw new AssertionError("no receiver " + name + " in " + CONFIG);
  }

  /** The one configuration of that kind of a receiver. */
  private static ObjectNode receiver(JsonNode config, String name, String kind) {
    JsonNode all = receiverOf(config, name).path(kind);
    if (all.size() != 1) {
      throw new AssertionError(all.size() + " " + kind + " of " + name + ", expected one");
    }
    return (ObjectNode) all.get(0);
  }

  int port() {
    return port;
  }

  /** Tells it of alerts, as Prometheus does: JSON of its API v2. */
  void tell(String alerts) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/v2/alerts"))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(alerts))
            .build();
    int status = client.send(request, BodyHandlers.ofString()).statusCode();
    if (status != 200) {
      throw new AssertionError("Alertmanager answered " + status + " to " + alerts);
    }
  }

  /** The sum of a metric's samples of an integration. */
  double notifications(String metric, String integration) {
    return metrics()
        .lines()
        .filter(l -> l.startsWith(metric + "{") && l.contains("\"" + integration + "\""))
        .mapToDouble(l -> Double.parseDouble(l.substring(l.lastIndexOf(' ') + 1)))
        .sum();
  }

  private String metrics() {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics"))
            .timeout(Duration.ofSeconds(5))
            .build();
    try {
      return client.send(request, BodyHandlers.ofString()).body();
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while Alertmanager was asked", e);
    }
  }

  String logText() throws IOException {
    return Files.readString(log, StandardCharsets.UTF_8);
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
