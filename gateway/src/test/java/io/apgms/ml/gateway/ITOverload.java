package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Twice as many requests as can be answered, in an open loop: the service and its PostgreSQL on one
 * processor, the load on another, so that neither takes from the other.
 */
class ITOverload {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final int SECONDS = SOAK ? 15 : 4;
  private static final int ROUNDS = SOAK ? 3 : 1; // peak and overload in turn
  private static final double DEADLINE_MS = 2_000;
  private static final double RECOVERY_SECONDS = 10;
  private static final int ROWS = 160; // the most whose body is not held back by its size
  private static final float[] ROW = {
    0.4f, 0.9f, 1.8f, 5, 210, 0.7f, 0.9f, 0.6f, 14, 0.5f, 3, 9 // as ITFaults.CASE
  };
  private static final int FEATURES = ROW.length;

  /**
   * One kind of requests.
   *
   * @param closed connections that saturate it
   * @param open connections that twice as much may take
   * @param goodput the least share of what those that saturate it are answered, at full length
   * @param held whether so many are too few, so that the rest of it waits in the client: then times
   *     run from when a request was sent
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Load(
      String name, byte[] request, int closed, int open, double goodput, boolean held) {
    String times(String of) {
      return of + (held ? "SentP99Ms" : "P99Ms");
    }
  }

  private static final Load INFER = new Load("infer", infer(), 1_000, 1_000, 0.9, true);

  @TempDir Path dir;

  /** Bounds that hold beside whatever else runs on the machine, or those that were promised. */
  private static double bound(double reduced, double full) {
    return SOAK ? full : reduced;
  }

  private static byte[] post(String path, String headers, byte[] body) {
    byte[] head =
        "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n"
            .formatted(path, headers, body.length)
            .getBytes(StandardCharsets.ISO_8859_1);
    return ByteBuffer.allocate(head.length + body.length).put(head).put(body).array();
  }

  private static byte[] score(String body) {
    return post(
        "/ml/score",
        "Content-Type: application/json\r\n",
        body.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** 160 rows as a binary tensor. */
  private static byte[] infer() {
    byte[] json =
        """
        {"inputs":[{"name":"input","datatype":"FP32","shape":[%d,%d],\
        "parameters":{"binary_data_size":%d}}],\
        "outputs":[{"name":"score","parameters":{"binary_data":true}}]}"""
            .formatted(ROWS, FEATURES, ROWS * FEATURES * Float.BYTES)
            .getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer body =
        ByteBuffer.allocate(json.length + ROWS * FEATURES * Float.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(json);
    for (int i = 0; i < ROWS * FEATURES; i++) {
      body.putFloat(ROW[i % FEATURES]);
    }
    return post(
        "/v2/models/risk-score/infer",
        "Inference-Header-Content-Length: " + json.length + "\r\n",
        body.array());
  }

  private JsonNode run(RunningService service, Load load, int connections, double rate, int seconds)
      throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(load.request.length);
      out.write(load.request);
    }
    Path file = Files.write(dir.resolve(load.name), bytes.toByteArray());
    Process process =
        new ProcessBuilder(
                "taskset",
                "-c",
                "1",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-cp",
                "target/test-classes",
                OpenLoad.class.getName(),
                Integer.toString(service.apiPort()),
                file.toString(),
                Integer.toString(connections),
                Double.toString(rate),
                rate == 0 ? "1" : "2",
                Integer.toString(seconds))
            .redirectErrorStream(true)
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(out).isZero();
    System.out.printf(Locale.ROOT, "%s at %.0f/s over %d: %s", load.name, rate, connections, out);
    return JSON.readTree(out);
  }

  /** The service and all it started on the first processor. */
  private static void pin(RunningService service) throws Exception {
    List<String> pids = new ArrayList<>();
    pids.add(Long.toString(service.handle().pid()));
    service.handle().descendants().forEach(p -> pids.add(Long.toString(p.pid())));
    for (String pid : pids) {
      Process pin =
          new ProcessBuilder("taskset", "-acp", "0", pid).redirectErrorStream(true).start();
      pin.getInputStream().readAllBytes();
      pin.waitFor(); // a process that ended meanwhile needs none
    }
  }

  private static double rssMiB(RunningService service) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + service.handle().pid() + "/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1_024;
      }
    }
    throw new IOException("no VmRSS");
  }

  /** What of the promise does not hold. */
  private List<String> violations(RunningService service, Load load) throws Exception {
    List<String> violations = new ArrayList<>();
    run(service, load, load.closed, 0, SOAK ? 20 : 6); // warms up
    double peak = run(service, load, load.closed, 0, SECONDS).path("okPerSecond").asDouble();
    run(service, load, load.open, 2 * peak, SOAK ? 30 : 1); // the memory it takes once
    double rss = rssMiB(service);
    List<Double> goodputs = new ArrayList<>();
    for (int round = 0; round < ROUNDS; round++) {
      JsonNode before = run(service, load, load.closed, 0, SECONDS);
      JsonNode over = run(service, load, load.open, 2 * peak, SECONDS);
      goodputs.add(over.path("okPerSecond").asDouble() / before.path("okPerSecond").asDouble());
      inTime(violations, load, over);
    }
    double goodput = goodputs.stream().sorted().toList().get(ROUNDS / 2);
    System.out.printf(
        Locale.ROOT, "%s: goodput %.2f of %.0f/s, %.0f MiB%n", load.name, goodput, peak, rss);
    atLeast(violations, "goodput", goodput, bound(0.6, load.goodput));
    atMost(violations, "growth of RSS", rssMiB(service) / rss, bound(1.15, 1.05));
    long end = System.nanoTime();
    JsonNode after;
    do {
      after = run(service, load, load.closed, peak / 4, 1);
    } while (!isNormal(after) && System.nanoTime() - end < RECOVERY_SECONDS * 1e9);
    if (!isNormal(after)) {
      violations.add("not normal after " + RECOVERY_SECONDS + " s: " + after);
    }
    return violations;
  }

  private static void inTime(List<String> violations, Load load, JsonNode over) {
    String admitted = load.times("ok");
    atMost(violations, admitted, over.path(admitted).asDouble(), DEADLINE_MS);
    String refused = load.times("refused");
    atMost(violations, refused, over.path(refused).asDouble(), bound(250, 50));
    for (String none : List.of("bare", "other", "broken")) {
      atMost(violations, none, over.path(none).asDouble(), 0);
    }
    if (!load.held) {
      atMost(violations, "unsent", over.path("unsent").asDouble(), 0);
      atLeast(violations, "refused", over.path("refusedPerSecond").asDouble(), 1);
    }
  }

  private static boolean isNormal(JsonNode run) {
    return run.path("refusedPerSecond").asDouble() == 0
        && run.path("broken").asDouble() == 0
        && run.path("okP99Ms").asDouble() <= bound(250, 50);
  }

  private static void atLeast(List<String> violations, String what, double is, double least) {
    if (!(is >= least)) {
      violations.add(what + " is " + is + ", expected at least " + least);
    }
  }

  private static void atMost(List<String> violations, String what, double is, double most) {
    if (!(is <= most)) {
      violations.add(what + " is " + is + ", expected at most " + most);
    }
  }

  @Test
  void twiceTheSaturation_isAnsweredOrRefusedInTime() throws Exception {
    String explained = ITFaults.CASE.replace("\"inputs\"", "\"explain\":true,\"inputs\"");
    List<String> violations = new ArrayList<>();
    try (RunningService service = RunningService.start(dir, Map.of())) {
      pin(service);
      for (Load load :
          List.of(
              new Load("explain", score(explained), 32, 500, 0.9, false),
              new Load("score", score(ITFaults.CASE), 500, 500, 0.9, true))) {
        violations(service, load).forEach(v -> violations.add(load.name + ": " + v));
      }
      assertThat(service.metric("apgms_ml_inference_rejected_total")).isPositive();
    }
    // without the log: what fills up at its rate would be the spool
    try (RunningService service = RunningService.start(dir, Map.of("ML_DECISION_LOG", "false"))) {
      pin(service);
      violations(service, INFER).forEach(v -> violations.add("infer: " + v));
    }
    assertThat(violations).isEmpty();
  }

  /** The control: without limits, and by when requests were due, all of it is late. */
  @Test
  void twiceTheSaturation_withoutLimits_isNeitherRefusedNorInTime() throws Exception {
    Map<String, String> settings =
        Map.of(
            "ML_HTTP_TURN_MS", "0", "ML_SCORING_QUEUE_ROWS", "1000000", "ML_DECISION_LOG", "false");
    try (RunningService service = RunningService.start(dir, settings)) {
      pin(service);
      Load due = new Load("unlimited", INFER.request, 1_000, 1_000, 0.9, false);
      assertThat(violations(service, due))
          .anyMatch(v -> v.startsWith("okP99Ms") || v.startsWith("unsent"))
          .anyMatch(v -> v.startsWith("refused is 0"));
    }
  }
}
