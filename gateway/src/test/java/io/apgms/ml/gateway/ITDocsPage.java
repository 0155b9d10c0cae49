package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code /docs} in a browser: every operation is shown, and nothing is asked of another host. The
 * browser knows no host but this one; its own log says what the page asked for, and of whom.
 */
class ITDocsPage {
  private static final Pattern SHOWN = Pattern.compile("id=\"operations-[^\"-]+-([^\"-]+)\"");
  private static final Pattern PARAMETER = Pattern.compile("data-param-name=\"([^\"]*)\"");
  private static final long BOUND_SECONDS = 60;

  @TempDir static Path dir;
  private static RunningService service;

  /** The document object model after the scripts have run, and the URLs that the page asked for. */
  private record Shown(String dom, List<String> asked) {}

  @BeforeAll
  static void start() throws Exception {
    run("tools/install-chromium.sh");
    service = RunningService.start(dir, Map.of());
  }

  @AfterAll
  static void stop() {
    service.close();
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Path errors = Files.createTempFile(dir, "errors", ".txt");
    Path output = Files.createTempFile(dir, "output", ".txt");
    Process process =
        new ProcessBuilder(command)
            .directory(RunningService.HOME.toFile())
            .redirectError(errors.toFile())
            .redirectOutput(output.toFile())
            .start();
    if (!process.waitFor(BOUND_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
      process.destroyForcibly();
      throw new AssertionError(command[0] + " ended with " + process + Files.readString(errors));
    }
    return Files.readString(output);
  }

  private static Shown page(String url) throws IOException, InterruptedException {
    Path profile = Files.createTempDirectory(dir, "profile");
    Path log = profile.resolve("net-log.json");
    String dom =
        run(
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--user-data-dir=" + profile,
            "--log-net-log=" + log,
            "--virtual-time-budget=20000",
            "--dump-dom",
            url);
    return new Shown(dom, asked(new ObjectMapper().readTree(log.toFile())));
  }

  /** Without what the browser asks for by itself: that has no page as its initiator. */
  private static List<String> asked(JsonNode log) {
    int starts = log.at("/constants/logEventTypes/URL_REQUEST_START_JOB").intValue();
    List<String> urls = new ArrayList<>();
    for (JsonNode event : log.path("events")) {
      JsonNode parameters = event.path("params");
      if (event.path("type").intValue() == starts
          && parameters.path("initiator").asText().startsWith("http")) {
        urls.add(parameters.path("url").asText());
      }
    }
    return urls;
  }

  private static List<String> all(Pattern pattern, String page) {
    List<String> found = new ArrayList<>();
    for (Matcher matcher = pattern.matcher(page); matcher.find(); ) {
      found.add(matcher.group(1));
    }
    return found;
  }

  private static Set<String> operations(String page, String listener) {
    Set<String> known = new TreeSet<>();
    Contract.of(listener).operations().forEach(o -> known.add(o.id()));
    Set<String> shown = new TreeSet<>(all(SHOWN, page));
    shown.retainAll(known); // tags are shown by the same kind of id
    return shown;
  }

  private static String base(String listener) {
    return "http://127.0.0.1:"
        + (listener.equals("api") ? service.apiPort() : service.managementPort());
  }

  @ParameterizedTest
  @CsvSource({"api,inference,v2Infer", "management,deployments,getActive"})
  void docs_inABrowser_showEveryOperationOffline(String listener, String tag, String opened)
      throws Exception {
    Shown shown = page(base(listener) + "/docs#/" + tag + "/" + opened);
    String page = shown.dom;
    Contract contract = Contract.of(listener);
    Set<String> expected = new TreeSet<>();
    contract.operations().forEach(o -> expected.add(o.id()));
    assertThat(operations(page, listener)).isEqualTo(expected);
    for (Contract.Operation operation : contract.operations()) {
      String summary = operation.node().path("summary").asText();
      assertThat(page).contains(summary.replace("&", "&amp;"));
    }
    List<String> parameters = new ArrayList<>();
    contract.operation(opened).parameters().forEach(p -> parameters.add(p.path("name").asText()));
    assertThat(all(PARAMETER, page)).isNotEmpty().containsExactlyElementsOf(parameters);
    assertThat(shown.asked)
        .contains(base(listener) + "/docs/swagger-ui-bundle.js", base(listener) + "/openapi.yaml")
        .allMatch(url -> url.startsWith(base(listener) + "/"));
  }

  /** The same page from a server that changes it. */
  private static HttpServer changed(String policy, String more) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    HttpClient client = HttpClient.newHttpClient();
    server.createContext(
        "/",
        exchange -> {
          try (exchange) {
            URI here = URI.create(base("api") + exchange.getRequestURI());
            HttpResponse<byte[]> original =
                client.send(HttpRequest.newBuilder(here).build(), BodyHandlers.ofByteArray());
            byte[] body = original.body();
            String type = original.headers().firstValue("Content-Type").orElse("");
            if (type.startsWith("text/html")) {
              body =
                  (new String(body, StandardCharsets.UTF_8) + more)
                      .getBytes(StandardCharsets.UTF_8);
            }
            exchange.getResponseHeaders().set("Content-Type", type);
            exchange.getResponseHeaders().set("Content-Security-Policy", policy);
            exchange.sendResponseHeaders(original.statusCode(), body.length);
            exchange.getResponseBody().write(body);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    server.start();
    return server;
  }

  @Test
  void docs_changedForTheWorse_areNoticed() throws Exception {
    HttpServer open = changed("", "<img src=\"http://elsewhere.invalid/pixel.png\">");
    try {
      Shown shown = page("http://127.0.0.1:" + open.getAddress().getPort() + "/docs");
      assertThat(operations(shown.dom, "api")).isNotEmpty();
      assertThat(shown.asked).contains("http://elsewhere.invalid/pixel.png");
    } finally {
      open.stop(0);
    }
    HttpServer closed = changed("script-src 'none'", "");
    try {
      Shown shown = page("http://127.0.0.1:" + closed.getAddress().getPort() + "/docs");
      assertThat(shown.dom).contains("This page needs JavaScript");
      assertThat(operations(shown.dom, "api")).isEmpty();
    } finally {
      closed.stop(0);
    }
  }
}
