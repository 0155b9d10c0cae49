package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
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
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every route of both listeners is answered in time whatever hangs behind it. The routes are those
 * of the two OpenAPI documents, so that a new one is covered by itself.
 */
class ITDeadlines {
  private static final boolean SOAK = Boolean.getBoolean("soak");

  /** Of a request that says how long it may take. */
  private static final int TIMEOUT_MS = 300;

  /** Of any other: one call of the database, or one wait for the issuer's keys. */
  private static final int BOUND_MS = 1_000;

  private static final int MARGIN_MS = SOAK ? 50 : 400; // beside whatever else runs here

  /** Where the load takes the very processors that the service and this client have. */
  private static final int BUSY_MARGIN_MS = 400;

  private static final String ID = "01a20b18-06d9-780d-a669-e471754ece28";
  private static final Map<String, String> VALUES =
      Map.of(
          "modelId", "risk-score",
          "model", "risk-score",
          "version", "20261123",
          "predictionId", ID,
          "file", "docs.js");
  private static final String LABEL =
      """
      {"predictionId":"%s","modelId":"risk-score","modelVersion":"20261123",\
      "label":"FALSE_POSITIVE","source":"OPERATOR","submittedBy":"ann",\
      "observedAt":"2026-11-23T08:00:00Z"}"""
          .formatted(ID);
  private static final Map<String, String> BODIES =
      Map.of(
          "/ml/score",
          ITFaults.CASE,
          "/ml/feedback",
          LABEL,
          "/v2/models/risk-score/infer",
          infer(1),
          "/v2/models/risk-score/versions/20261123/infer",
          infer(1),
          "/admin/models/risk-score/promote",
          "{\"version\":\"20261123\",\"ticket\":\"MLAPPROVAL-1\",\"reason\":\"r\"}",
          "/admin/models/risk-score/rollback",
          "{\"reason\":\"r\"}",
          "/admin/models/risk-score/pin",
          "{\"version\":\"20261123\",\"reason\":\"r\"}",
          "/admin/decision-mode",
          "{\"mode\":\"observe\",\"reason\":\"r\"}");

  /** What needs no database, by the start of its path. */
  private static final List<String> ALONE =
      List.of("/ml/score", "/ml/models", "/v2", "/metrics", "/health", "/openapi.yaml", "/docs");

  private static final Set<String> TIMED = Set.of("/ml/score", "/v2");
  private static final String ROLES =
      "oncall,data-scientist,ds-lead,compliance,sre,scorer,labeller,alertmanager";

  private record Call(boolean management, String method, String path, String body) {
    boolean isTimed() {
      return method.equals("POST") && TIMED.stream().anyMatch(path::startsWith);
    }

    boolean isAlone() {
      return ALONE.stream().anyMatch(path::startsWith);
    }

    long boundMs() {
      return isTimed() ? TIMEOUT_MS : BOUND_MS;
    }
  }

  @TempDir Path dir;
  private int marginMs = MARGIN_MS;
  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  private static String infer(int rows) {
    String row = "0.4,0.9,1.8,5,210,0.7,0.9,0.6,14,0.5,3,9"; // the features of ITFaults.CASE
    return """
        {"inputs":[{"name":"input","datatype":"FP32","shape":[%d,12],"data":[%s]}]}"""
        .formatted(rows, String.join(",", java.util.Collections.nCopies(rows, row)));
  }

  private static List<Call> calls(RunningService service) throws Exception {
    List<Call> calls = new ArrayList<>();
    for (boolean management : new boolean[] {false, true}) {
      HttpResponse<String> document =
          management
              ? service.management("GET", "/openapi.yaml", null, null)
              : service.api("GET", "/openapi.yaml", null);
      JsonNode paths = new YAMLMapper().readTree(document.body()).path("paths");
      for (Map.Entry<String, JsonNode> route : paths.properties()) {
        String path = route.getKey();
        for (Map.Entry<String, String> value : VALUES.entrySet()) {
          path = path.replace("{" + value.getKey() + "}", value.getValue());
        }
        path = path.replaceAll("\\{[^}]*}", ID); // of a route that is newer than VALUES
        for (String method : List.of("get", "post", "put", "delete", "patch")) {
          if (route.getValue().has(method)) {
            String body = method.equals("get") ? null : BODIES.getOrDefault(path, "{}");
            calls.add(new Call(management, method.toUpperCase(Locale.ROOT), path, body));
          }
        }
      }
    }
    assertThat(calls).hasSizeGreaterThan(25);
    assertThat(calls.stream().filter(Call::isTimed)).hasSizeGreaterThan(1);
    for (String more : List.of("\"requestId\":\"once\"", "\"explain\":true")) {
      String body = "{" + more + "," + ITFaults.CASE.substring(1);
      calls.add(new Call(false, "POST", "/ml/score", body));
    }
    return calls;
  }

  private CompletableFuture<String> call(RunningService service, Call call, String token) {
    int port = call.management ? service.managementPort() : service.apiPort();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + call.path))
            .timeout(Duration.ofSeconds(5))
            .method(
                call.method,
                call.body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(call.body));
    if (call.body != null) {
      request.header("Content-Type", "application/json");
    }
    if (call.isTimed()) {
      request.header("X-Request-Timeout-Ms", Integer.toString(TIMEOUT_MS));
    }
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    long start = System.nanoTime();
    return client
        .sendAsync(request.build(), BodyHandlers.ofString())
        .handle(
            (answer, failure) -> {
              long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
              String what = call.method + " " + call.path + ": ";
              if (failure != null) {
                return what + failure;
              }
              long bound = call.boundMs() + marginMs;
              return ms > bound
                  ? what + answer.statusCode() + " after " + ms + " ms, expected " + bound
                  : "";
            });
  }

  /** The answers that came late or not at all, of so many rounds of every route at once. */
  private List<String> late(RunningService service, List<Call> calls, String token, int rounds) {
    List<String> late = new CopyOnWriteArrayList<>();
    for (int round = 0; round < rounds; round++) {
      List<CompletableFuture<String>> answers =
          calls.stream().map(c -> call(service, c, token)).toList();
      answers.forEach(a -> late.add(a.join()));
    }
    late.removeIf(String::isEmpty);
    return late;
  }

  /** PostgreSQL's processes, stopped until closed. */
  private record Frozen(ProcessHandle postmaster) implements AutoCloseable {
    static Frozen of(Path cluster) throws IOException {
      List<String> lines = Files.readAllLines(cluster.resolve("postmaster.pid"));
      Frozen frozen = new Frozen(ProcessHandle.of(Long.parseLong(lines.get(0))).orElseThrow());
      frozen.signal("STOP");
      return frozen;
    }

    private void signal(String signal) throws IOException {
      List<String> command = new ArrayList<>(List.of("kill", "-" + signal));
      command.add(Long.toString(postmaster.pid()));
      postmaster.descendants().forEach(p -> command.add(Long.toString(p.pid())));
      new ProcessBuilder(command).start().onExit().join();
    }

    @Override
    public void close() throws IOException {
      signal("CONT");
    }
  }

  private Map<String, String> act(EmbeddedPostgres postgres) throws IOException {
    Map<String, String> settings = Acting.settings(dir, Acting.url(postgres.getPort()));
    settings.remove("ML_ACTION_CAP"); // as shipped
    return settings;
  }

  @Test
  void everyRoute_databaseFrozen_isAnsweredInTime_andTheOthersDoNotNotice() throws Exception {
    Path cluster = dir.resolve("cluster");
    try (EmbeddedPostgres postgres = EmbeddedPostgres.builder().setDataDirectory(cluster).start();
        RunningService service = RunningService.start(dir, act(postgres))) {
      List<Call> calls = calls(service);
      String token = service.token(ROLES);
      assertThat(late(service, calls, token, 3)).as("before").isEmpty();
      List<Call> alone = calls.stream().filter(Call::isAlone).limit(40).toList();
      double before = p99Ms(service, alone, token);
      try (Frozen postmaster = Frozen.of(cluster)) {
        assertThat(postmaster.postmaster().isAlive()).isTrue();
        assertThat(late(service, calls, token, SOAK ? 20 : 4)).isEmpty();
        double frozenMs = p99Ms(service, alone, token);
        System.out.printf("p99 %.1f ms before, %.1f ms while frozen%n", before, frozenMs);
        assertThat(frozenMs).isLessThan(Math.max(3 * before, SOAK ? 50 : 150));
      }
    }
  }

  /** Of the routes that need no database, each of which must be answered well. */
  private double p99Ms(RunningService service, List<Call> alone, String token) throws Exception {
    List<Double> times = new ArrayList<>();
    for (int round = 0; round < 40; round++) {
      for (Call call : alone) {
        if (call.body != null && call.body.contains("requestId")) {
          continue; // is committed before it is answered
        }
        long start = System.nanoTime();
        HttpResponse<String> answer =
            call.management
                ? service.management(call.method, call.path, call.body, token)
                : service.api(call.method, call.path, call.body);
        times.add((System.nanoTime() - start) / 1e6);
        assertThat(answer.statusCode()).as(call + answer.body()).isEqualTo(200);
      }
    }
    double[] sorted = times.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted[(int) (sorted.length * 0.99)];
  }

  /** The control: with its bounds out of reach a frozen database is seen to hold its routes. */
  @Test
  void everyRoute_databaseFrozenWithoutItsBounds_isSeenToHang() throws Exception {
    Path cluster = dir.resolve("cluster");
    try (EmbeddedPostgres postgres = EmbeddedPostgres.builder().setDataDirectory(cluster).start()) {
      Map<String, String> settings = act(postgres);
      settings.put("ML_DATABASE_TIMEOUT_MS", "6000"); // and no more: what hangs holds up the end
      try (RunningService service = RunningService.start(dir, settings)) {
        List<Call> calls = calls(service);
        String token = service.token(ROLES);
        try (Frozen postmaster = Frozen.of(cluster)) {
          assertThat(postmaster.postmaster().isAlive()).isTrue();
          assertThat(late(service, calls, token, 1))
              .anyMatch(v -> v.startsWith("GET /ml/feedback"))
              .anyMatch(v -> v.startsWith("GET /admin/audit"))
              .noneMatch(v -> v.startsWith("GET /ml/models"));
        }
      }
    }
  }

  /** All loops score as many rows as they may, so that each request waits for the model. */
  @Test
  void everyRoute_modelBusy_isAnsweredInTime() throws Exception {
    marginMs = BUSY_MARGIN_MS;
    try (RunningService service = RunningService.start(dir, Map.of())) {
      List<Call> calls = calls(service);
      String token = service.token(ROLES);
      AtomicBoolean stop = new AtomicBoolean();
      List<Thread> busy = new ArrayList<>();
      Call batch = new Call(false, "POST", "/v2/models/risk-score/infer", infer(2_000));
      for (int i = 0; i < 8; i++) {
        Thread thread =
            new Thread(
                () -> {
                  while (!stop.get()) {
                    call(service, batch, null).join();
                  }
                });
        thread.start();
        busy.add(thread);
      }
      try {
        assertThat(late(service, calls, token, SOAK ? 20 : 4)).isEmpty();
      } finally {
        stop.set(true);
        for (Thread thread : busy) {
          thread.join();
        }
      }
    }
  }

  @Test
  void everyRoute_flagsFileHangs_isAnsweredInTime() throws Exception {
    Path flags = dir.resolve("flags.json");
    Files.copy(RunningService.HOME.resolve("conf/flags.json"), flags);
    Path pipe = dir.resolve("pipe"); // opening one without a writer hangs
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    try (RunningService service =
        RunningService.start(dir, Map.of("ML_FLAGS_FILE", flags.toString()))) {
      List<Call> calls = calls(service);
      String token = service.token(ROLES);
      Files.move(pipe, flags, StandardCopyOption.REPLACE_EXISTING);
      assertThat(late(service, calls, token, SOAK ? 20 : 4)).isEmpty();
    }
    // and when it hangs from the start
    try (RunningService service =
        RunningService.start(dir, Map.of("ML_FLAGS_FILE", flags.toString()))) {
      assertThat(late(service, calls(service), service.token(ROLES), 2)).isEmpty();
    }
  }

  /** Takes connections and says nothing. */
  private static final class Silent implements AutoCloseable {
    private final ServerSocket socket = new ServerSocket(0, 512, InetAddress.getLoopbackAddress());
    private final List<Socket> taken = new CopyOnWriteArrayList<>();

    Silent() throws IOException {
      Thread thread =
          new Thread(
              () -> {
                try {
                  while (true) {
                    taken.add(socket.accept());
                  }
                } catch (IOException closed) {
                  // ends with the test
                }
              });
      thread.setDaemon(true);
      thread.start();
    }

    String url() {
      return "http://127.0.0.1:" + socket.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      socket.close();
      for (Socket s : taken) {
        s.close();
      }
    }
  }

  @Test
  void everyRoute_flagServiceSilent_isAnsweredInTime() throws Exception {
    try (Silent unleash = new Silent();
        RunningService service =
            RunningService.start(
                dir, Map.of("UNLEASH_URL", unleash.url(), "UNLEASH_API_TOKEN", "x"))) {
      assertThat(late(service, calls(service), service.token(ROLES), SOAK ? 20 : 4)).isEmpty();
    }
  }

  @Test
  void everyRoute_issuerSilent_isAnsweredInTime() throws Exception {
    String header = "{\"alg\":\"RS256\",\"kid\":\"k\"}";
    String token =
        Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(header.getBytes(StandardCharsets.UTF_8))
            + ".e30.e30";
    try (Silent issuer = new Silent();
        RunningService service =
            RunningService.start(
                dir,
                Map.of(
                    "ML_AUTH", "jwt",
                    "ML_JWT_ISSUER", issuer.url(),
                    "ML_JWT_AUDIENCE", "ml-service"))) {
      assertThat(late(service, calls(service), token, SOAK ? 20 : 4)).isEmpty();
      assertThat(issuer.taken).isNotEmpty();
    }
  }
}
