package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** A Toxiproxy of its own in front of one port of this machine. */
final class Toxiproxy implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(10);

  private final Process process;
  private final int api = RunningService.freePort();
  private final int port = RunningService.freePort();

  Toxiproxy(Path dir, int upstream) throws Exception {
    process =
        new ProcessBuilder(
                GoTool.install("toxiproxy").toString(),
                "-host",
                "127.0.0.1",
                "-port",
                Integer.toString(api))
            .redirectErrorStream(true)
            .redirectOutput(Redirect.appendTo(dir.resolve("toxiproxy.log").toFile()))
            .start();
    RunningService.await(BOUND, this::isUp);
    ObjectNode proxy = JSON.createObjectNode().put("name", "p").put("enabled", true);
    proxy.put("listen", "127.0.0.1:" + port).put("upstream", "127.0.0.1:" + upstream);
    call("POST", "/proxies", proxy, 201);
  }

  int port() {
    return port;
  }

  private boolean isUp() {
    try {
      return send("GET", "/version", null).statusCode() == 200;
    } catch (IOException | InterruptedException e) {
      return false;
    }
  }

  /**
   * Adds one.
   *
   * @param type as Toxiproxy names it: timeout, latency, limit_data
   * @param stream upstream for what the client sends, downstream for what it is answered
   */
  void add(String type, String stream, Map<String, Integer> attributes) throws Exception {
    ObjectNode toxic = JSON.createObjectNode().put("name", type + "_" + stream);
    toxic.put("type", type).put("stream", stream).set("attributes", JSON.valueToTree(attributes));
    call("POST", "/proxies/p/toxics", toxic, 200);
  }

  void remove(String type, String stream) throws Exception {
    call("DELETE", "/proxies/p/toxics/" + type + "_" + stream, null, 204);
  }

  private void call(String method, String path, ObjectNode body, int expected) throws Exception {
    HttpResponse<String> answer = send(method, path, body);
    if (answer.statusCode() != expected) {
      throw new AssertionError(method + " " + path + ": " + answer + " " + answer.body());
    }
  }

  private HttpResponse<String> send(String method, String path, ObjectNode body)
      throws IOException, InterruptedException {
    HttpClient fresh = HttpClient.newHttpClient(); // a kept connection may have been closed there
    return fresh.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + api + path))
            .timeout(BOUND)
            .method(
                method,
                body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body.toString()))
            .build(),
        BodyHandlers.ofString());
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }
}
