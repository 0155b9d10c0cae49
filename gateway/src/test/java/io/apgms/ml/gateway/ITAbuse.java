package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Counter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a caller makes up must not pile up in the metrics, and what a caller tells of a person must
 * not come out anywhere. {@code -Dabuse.requests=100000} for a soak.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITAbuse {
  private static final int REQUESTS = Integer.getInteger("abuse.requests", 20_000);

  /** Series that may appear late by themselves: causes of collections, pools on first use. */
  private static final int SLACK = 16;

  @TempDir static Path dir;
  private static RunningService service;

  @BeforeAll
  static void start() throws Exception {
    service = RunningService.start(dir, Map.of());
  }

  @AfterAll
  static void stop() {
    service.close();
  }

  private static long series(String metrics) {
    return metrics.lines().filter(line -> !line.startsWith("#")).count();
  }

  private static String metrics() throws Exception {
    return service.management("GET", "/metrics", null, null).body();
  }

  /** Requests of made-up names; a kind of 0 to 7 chooses which part is made up. */
  private static String abuse(int kind, String word, SplittableRandom random) {
    String host = "Host: " + (kind == 6 ? word + ".example" : "x") + "\r\n";
    String score =
        switch (kind) {
          case 0 -> "{\"modelId\":\"" + word + "\",\"inputs\":{}}";
          case 1 -> "{\"modelId\":\"risk-score\",\"modelVersion\":\"" + version(random) + "\"}";
          case 2 ->
              "{\"modelId\":\"risk-score\",\"" + word + "\":1,\"inputs\":{\"" + word + "\":1}}";
          default -> "{" + word;
        };
    return switch (kind) {
      case 4 -> "GET /" + word + "/" + word + "?" + word + "=1 HTTP/1.1\r\n" + host + "\r\n";
      case 5 -> word.toUpperCase(Locale.ROOT) + " /ml/models HTTP/1.1\r\n" + host + "\r\n";
      case 6 ->
          "GET /ml/models/"
              + word
              + " HTTP/1.1\r\n"
              + host
              + "X-"
              + word
              + ": "
              + word
              + "\r\n\r\n";
      case 7 -> "GET /ml/predictions/" + word + " HTTP/1.1\r\n" + host + "\r\n";
      default ->
          "POST /ml/score HTTP/1.1\r\n"
              + host
              + "Content-Length: "
              + score.length()
              + "\r\nContent-Type: application/json\r\n\r\n"
              + score;
    };
  }

  private static String version(SplittableRandom random) {
    return Integer.toString(random.nextInt(10_000_000, 100_000_000));
  }

  /** Each method of each described route that takes an id, as {@code GET /ml/models/{modelId}}. */
  private static List<String> idRoutes(String description) throws IOException {
    List<String> routes = new ArrayList<>();
    String path = "";
    Path file = RunningService.HOME.resolve("gateway/src/main/resources/openapi/" + description);
    for (String line : Files.readAllLines(file)) {
      if (line.matches("  /\\S+:")) {
        path = line.substring(2, line.length() - 1);
      } else if (line.matches("    (get|post|put|delete):") && path.contains("{")) {
        routes.add(line.strip().replace(":", "").toUpperCase(Locale.ROOT) + " " + path);
      }
    }
    return routes;
  }

  /** A random id in the form that some route takes. */
  private static String id(SplittableRandom random) {
    return switch (random.nextInt(4)) {
      case 0 -> new UUID(random.nextLong(), random.nextLong()).toString();
      case 1 -> version(random);
      case 2 -> "MLAPPROVAL-" + random.nextInt(1_000_000, 100_000_000);
      default -> "m" + Long.toHexString(random.nextLong());
    };
  }

  /** Sends routes in turn, each with random ids, as one who may use them. */
  private static void sendIds(int port, List<String> routes, String token, int count, long seed)
      throws IOException {
    SplittableRandom ids = new SplittableRandom(seed);
    send(
        port,
        count,
        i -> {
          StringBuilder line = new StringBuilder();
          for (String part : routes.get(i % routes.size()).split("\\{[^}]*\\}", -1)) {
            line.append(line.isEmpty() ? "" : id(ids)).append(part);
          }
          return line
              + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer "
              + token
              + "\r\n\r\n";
        });
  }

  /**
   * Decisions of entities that come once, every tenth under a request id, each in its own trace.
   */
  private static void sendDecisions(int port, int count, long seed) throws IOException {
    SplittableRandom ids = new SplittableRandom(seed);
    send(
        port,
        count,
        "HTTP/1.1 200 ",
        i -> {
          String named = "{\"entityId\":\"e-" + Long.toHexString(ids.nextLong()) + "\",";
          if (i % 10 == 0) {
            named += "\"requestId\":\"r-" + Long.toHexString(ids.nextLong()) + "\",";
          }
          String body = ITFaults.CASE.replaceFirst("\\{", named);
          return "POST /ml/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
              + "traceparent: 00-%016x%016x-%016x-01\r\n"
                  .formatted(ids.nextLong(), ids.nextLong() | 1, ids.nextLong() | 1)
              + "Content-Length: "
              + body.length()
              + "\r\n\r\n"
              + body;
        });
  }

  private static void send(int port, int count, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    send(
        port,
        count,
        i -> {
          StringBuilder word = new StringBuilder("w");
          random.ints(10, 'a', 'z' + 1).forEach(c -> word.append((char) c));
          return abuse(i & 7, word.toString(), random);
        });
  }

  /** All must be refused. */
  private static void send(int port, int count, IntFunction<String> requests) throws IOException {
    send(port, count, "HTTP/1.1 4", requests);
  }

  /** Sends them one after the other; some close their connection. */
  private static void send(int port, int count, String answer, IntFunction<String> requests)
      throws IOException {
    int sent = 0;
    while (sent < count) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout(20_000);
        OutputStream out = socket.getOutputStream();
        BufferedReader in =
            new BufferedReader(
                new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
        boolean open = true;
        while (open && sent < count) {
          String request = requests.apply(sent++);
          out.write(request.getBytes(StandardCharsets.ISO_8859_1));
          open = answered(in, answer);
        }
      }
    }
  }

  /** Whether the connection stays open after the answer that is read. */
  private static boolean answered(BufferedReader in, String expected) throws IOException {
    assertThat(in.readLine()).startsWith(expected);
    long left = 0;
    boolean open = true;
    for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
      String header = line.toLowerCase(Locale.ROOT);
      open &= !header.equals("connection: close");
      if (header.startsWith("content-length: ")) {
        left = Long.parseLong(header.substring(16));
      }
    }
    while (left > 0) {
      left -= in.skip(left); // waits for a character at least, or times out
    }
    return open;
  }

  @Test
  @Order(1)
  void madeUpNames_addNoSeries() throws Exception {
    long seed = System.nanoTime();
    for (int port : new int[] {service.apiPort(), service.managementPort()}) {
      send(port, 64, seed); // each outcome once
    }
    List<String> api = idRoutes("api.yaml");
    List<String> management = idRoutes("management.yaml");
    assertThat(api).contains("GET /ml/predictions/{predictionId}").hasSizeGreaterThan(8);
    assertThat(management).contains("GET /admin/audit/{id}/proof").hasSizeGreaterThan(15);
    String token = service.token("oncall");
    sendIds(service.apiPort(), api, token, api.size(), seed);
    sendIds(service.managementPort(), management, token, management.size(), seed);
    sendDecisions(service.apiPort(), 64, seed);
    long before = series(metrics());
    sendDecisions(service.apiPort(), REQUESTS / 4, seed + 5);
    send(service.apiPort(), REQUESTS * 3 / 4, seed + 1);
    send(service.managementPort(), REQUESTS / 4, seed + 2);
    sendIds(service.apiPort(), api, token, REQUESTS / 4, seed + 3);
    sendIds(service.managementPort(), management, token, REQUESTS / 4, seed + 4);
    String after = metrics();
    assertThat(series(after)).isBetween(before - SLACK, before + SLACK).isLessThan(1_000);
    assertThat(service.metric("apgms_ml_inference_requests_total", "outcome=\"client_error\""))
        .as("the requests did arrive")
        .isGreaterThanOrEqualTo(REQUESTS * 3 / 8.0);
  }

  /** A registry that tags by a made-up name is seen by the same count. */
  @Test
  void aTagOfAnId_isCounted() {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    long before = series(registry.scrape());
    for (int i = 0; i < 100; i++) {
      Counter.builder("planted").tag("model", "w" + i).register(registry).increment();
    }
    assertThat(series(registry.scrape())).isGreaterThan(before + SLACK);
  }

  private static final String CANARY = "Xcanaryq";

  /** Places that hold a canary of their own number. */
  private static final class Canaries {
    private final List<String> places = new ArrayList<>();

    String at(String place) {
      places.add(place);
      return CANARY + (1_000 + places.size() - 1);
    }

    /** The places whose canary a text holds. */
    List<String> in(String text) {
      List<String> found = new ArrayList<>();
      for (int i = 0; i < places.size(); i++) {
        if (text.contains(CANARY + (1_000 + i))) {
          found.add(places.get(i));
        }
      }
      return found;
    }
  }

  private final Canaries canaries = new Canaries();
  private final List<String> quoted = new ArrayList<>();

  /** The answer may quote nothing of a person, success aside. */
  private void call(
      boolean api, String method, String path, String body, Map<String, String> headers)
      throws Exception {
    HttpResponse<String> answer =
        api
            ? service.api(method, path, body, headers)
            : service.management(
                method,
                path,
                body,
                headers.getOrDefault("Authorization", "").replace("Bearer ", ""));
    if (answer.statusCode() >= 400) {
      canaries.in(answer.body() + answer.headers().map()).forEach(quoted::add);
    }
  }

  private static final List<String> SPOILS =
      List.of("", ",\"unknown\":1", ",\"modelId\":7", "!", ",\"notes\":\"\\u0000\"");

  /** Each text field of the scoring and feedback routes, as it should be and spoilt. */
  private void bodies(String good) throws Exception {
    String inputs = good.substring(1, good.length() - 1);
    for (String spoil : SPOILS) {
      String person =
          "\"requestId\":\"%s\",\"entityId\":\"%s\",\"groups\":{\"sex\":\"%s\"}"
              .formatted(canaries.at("requestId"), canaries.at("entityId"), canaries.at("groups"));
      call(true, "POST", "/ml/score", "{" + inputs + "," + person + spoil + "}", Map.of());
      call(
          true,
          "POST",
          "/ml/score",
          "{" + inputs + ",\"requestId\":\"" + canaries.at("requestId") + "y".repeat(200) + "\"}",
          Map.of("X-Request-Timeout-Ms", "100"));
      String label =
          """
          {"modelId":"risk-score","modelVersion":"20261123","label":"TRUE_POSITIVE",
           "predictionId":"01936b2e-7c00-7000-8000-000000000000","source":"OPERATOR",
           "submittedBy":"%s","notes":"%s","metadata":{"a":["%s"]}%s}
          """
              .formatted(
                  canaries.at("submittedBy"), canaries.at("notes"), canaries.at("metadata"), spoil);
      call(
          true,
          "POST",
          "/ml/feedback",
          label,
          Map.of("Idempotency-Key", canaries.at("Idempotency-Key") + "z".repeat(300)));
      call(true, "POST", "/ml/feedback", label, Map.of("User-Agent", canaries.at("User-Agent")));
    }
    for (String wrong : List.of("[\"%s\"]", "{\"%s\":1}")) {
      call(
          true,
          "POST",
          "/ml/score",
          "{" + inputs + ",\"entityId\":" + wrong.formatted(canaries.at("entityId")) + "}",
          Map.of());
      call(
          true,
          "POST",
          "/ml/feedback",
          "{\"submittedBy\":" + wrong.formatted(canaries.at("submittedBy")) + "}",
          Map.of());
    }
    String infinite = "{\"metadata\":{\"a\":\"%s\",\"n\":1e999}}";
    call(true, "POST", "/ml/feedback", infinite.formatted(canaries.at("metadata")), Map.of());
  }

  private void elsewhere(String token) throws Exception {
    String admin = "Bearer " + token;
    call(true, "GET", "/ml/predictions?entityId=" + canaries.at("query") + "%00", null, Map.of());
    call(
        true,
        "GET",
        "/ml/predictions?entityId=" + canaries.at("query") + "y".repeat(200),
        null,
        Map.of());
    call(true, "GET", "/ml/feedback?cursor=" + canaries.at("cursor"), null, Map.of());
    call(true, "GET", "/nowhere/" + canaries.at("path"), null, Map.of());
    call(true, "GET", "/ml/models?" + canaries.at("parameter") + "=1", null, Map.of());
    for (String bad : List.of("Bearer %s", "Bearer %s.e30.e30", "Basic %s", "%s")) {
      Map<String, String> header = Map.of("Authorization", bad.formatted(canaries.at("token")));
      call(true, "POST", "/ml/score", "{}", header);
      call(false, "GET", "/admin/audit", null, header);
    }
    for (String path :
        List.of(
            "POST /admin/models/risk-score/rollback",
            "PUT /admin/models/risk-score/pin",
            "DELETE /admin/models/risk-score/pin",
            "POST /admin/models/risk-score/promote",
            "PUT /admin/decision-mode",
            "DELETE /admin/decision-mode")) {
      String[] words = path.split(" ", -1);
      String body =
          "{\"reason\":\"%s\",\"incident\":\"%s\",\"toRevision\":99999,\"unknown\":1}"
              .formatted(canaries.at("reason"), canaries.at("incident"));
      call(false, words[0], words[1], body, Map.of("Authorization", admin));
    }
  }

  @Test
  @Order(2)
  void personalTexts_comeOutNowhere() throws Exception {
    bodies(ITFaults.CASE);
    elsewhere(service.token("oncall"));
    assertThat(canaries.places).hasSizeGreaterThan(40);
    assertThat(quoted).as("quoted in an error answer").isEmpty();
    assertThat(canaries.in(service.logText())).as("in the output").isEmpty();
    assertThat(canaries.in(metrics())).as("in the metrics").isEmpty();
    assertThat(
            service.metric(
                "apgms_ml_inference_requests_total", "model=\"risk-score\"", "outcome=\"success\""))
        .as("some were scored")
        .isPositive();
  }

  /** One canary in the very text that is searched is found. */
  @Test
  void aPlantedCanary_isFound() {
    String planted = canaries.at("planted");
    assertThat(canaries.in(service.logText())).isEmpty();
    assertThat(canaries.in(service.logText() + "WARN no such entity " + planted + "\n"))
        .containsExactly("planted");
  }
}
