package io.apgms.ml.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Unmetered;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * {@code make bench}: the service beside a bare echo, interleaved rounds in one run, medians. What
 * counts is the ratio of server CPU per request; absolute figures mean nothing elsewhere.
 *
 * <p>Arguments: seconds a run (default 4), rounds (default 5).
 */
public final class LoadBench {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int[] CONNECTIONS = {1, 64, 256};
  private static final int MANAGEMENT = 19_090;
  private static final int FULL_MANAGEMENT = MANAGEMENT + 2;
  private static final int BODIES = 200;
  private static final int HOLDS = BODIES / 20; // five percent
  private static final int BATCH_ROWS = 128;
  private static final int BATCH_CONNECTIONS = 8;
  private static final String BATCH = "log-off-128-rows";
  private static final String UNMETERED = "log-off-unmetered";

  private record Sample(double cpuMicros, Wrk.Run run) {}

  private final Path home = Path.of(System.getProperty("ml.home")).toAbsolutePath();
  private final Path dir = Path.of(System.getProperty("bench.dir")).toAbsolutePath();
  private final Map<String, List<Sample>> samples = new LinkedHashMap<>();

  private LoadBench() {}

  public static void main(String[] args) throws Exception {
    int seconds = args.length > 0 ? Integer.parseInt(args[0]) : 4;
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 5;
    new LoadBench().run(seconds, rounds);
  }

  private void run(int seconds, int rounds) throws Exception {
    System.out.println(
        "load average before: " + Files.readString(Path.of("/proc/loadavg")).strip());
    Path act = dir.resolve("flags-act.json");
    Files.writeString(
        act, Files.readString(home.resolve("conf/flags.json")).replace("observe", "act"));
    try (Server echo = echo();
        Server off = service("log-off", 1, Map.of("ML_DECISION_LOG", "false"));
        Server unmetered = unmetered();
        Server full =
            service(
                "full",
                2,
                Map.of("ML_FLAGS_FILE", act.toString(), "ML_ACTION_CAP", "1000000000"))) {
      List<Server> servers = List.of(echo, off, unmetered, full);
      List<String> bodies = workload(off);
      Wrk wrk = Wrk.of(dir, bodies);
      Wrk batches = batches(off, bodies);
      batches.run(off.port(), BATCH_CONNECTIONS, seconds * 2);
      for (Server server : servers) {
        System.out.println("warming up " + server.name());
        for (int connections : CONNECTIONS) {
          wrk.run(server.port(), connections, seconds * 2);
        }
      }
      for (int round = 0; round < rounds; round++) {
        for (int connections : CONNECTIONS) {
          for (int i = 0; i < servers.size(); i++) {
            Server server = servers.get((i + round) % servers.size());
            measure(wrk, server, server.name(), connections, seconds, round);
          }
        }
        measure(batches, off, BATCH, BATCH_CONNECTIONS, seconds, round);
      }
      report(full);
    }
  }

  private void measure(Wrk wrk, Server server, String name, int connections, int seconds, int round)
      throws IOException, InterruptedException {
    long before = server.cpuMicros();
    Wrk.Run run = wrk.run(server.port(), connections, seconds);
    double cpu = (server.cpuMicros() - before) / (double) run.requests();
    samples
        .computeIfAbsent(key(name, connections), k -> new ArrayList<>())
        .add(new Sample(cpu, run));
    System.out.printf(
        Locale.ROOT,
        "round %d  %-8s c=%-4d %8.0f req/s  p50 %7.0f us  p99 %8.0f us  cpu %6.1f us  failed %d%n",
        round + 1,
        name,
        connections,
        run.perSecond(),
        run.p50(),
        run.p99(),
        cpu,
        run.failures());
  }

  private void report(Server full) throws IOException, InterruptedException {
    System.out.println("\n| server | connections | req/s | p50 ms | p99 ms | CPU us a request |");
    System.out.println("|---|---|---|---|---|---|");
    long failures = 0;
    for (Map.Entry<String, List<Sample>> entry : samples.entrySet()) {
      String[] name = entry.getKey().split("@", 2);
      failures += entry.getValue().stream().mapToLong(s -> s.run().failures()).sum();
      System.out.printf(
          Locale.ROOT,
          "| %s | %s | %.0f | %.3f | %.2f | %.1f |%n",
          name[0],
          name[1],
          median(entry.getKey(), s -> s.run().perSecond()),
          median(entry.getKey(), s -> s.run().p50()) / 1e3,
          median(entry.getKey(), s -> s.run().p99()) / 1e3,
          median(entry.getKey(), Sample::cpuMicros));
    }
    ObjectNode bench = JSON.createObjectNode();
    bench.put("cpuRatioLogOff", ratio("log-off", 64, Sample::cpuMicros));
    bench.put("cpuRatioFull", ratio("full", 64, Sample::cpuMicros));
    bench.put("cpuShareMetrics", Math.rint(shareOfMetrics() * 1e3) / 1e3);
    bench.put("p99RatioFull", ratio("full", 64, s -> s.run().p99()));
    bench.put("rateRatioLogOff", ratio("log-off", 64, s -> s.run().perSecond()));
    bench.put("rateRatioFull", ratio("full", 64, s -> s.run().perSecond()));
    bench.put("p50RatioFullAt1", ratio("full", 1, s -> s.run().p50()));
    double batch = median(key(BATCH, BATCH_CONNECTIONS), Sample::cpuMicros);
    bench.put("cpuMicrosARowOf128", Math.rint(batch / BATCH_ROWS * 100) / 100);
    bench.put("readyMs", full.readyMs());
    bench.put("rssMiB", full.rssMiB());
    double enforced = enforcedShare(full);
    bench.put("enforcedShare", Math.rint(enforced * 1e3) / 1e3);
    bench.put("failures", failures);
    System.out.println("BENCH " + bench);
    if (failures > 0) {
      throw new IOException(failures + " requests failed, expected none");
    }
    if (!(enforced > 0.03 && enforced < 0.07)) {
      throw new IOException(enforced + " of the decisions were enforced, expected about 0.05");
    }
  }

  /** Of all decisions of the service, so that a bench which enforced nothing is not believed. */
  private static double enforcedShare(Server full) throws IOException, InterruptedException {
    double all = 0;
    double enforced = 0;
    for (String line : full.get(FULL_MANAGEMENT, "/metrics").body().lines().toList()) {
      if (line.startsWith("apgms_ml_decisions_total{")) {
        double count = Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
        all += count;
        enforced += line.contains("enforced=\"true\"") ? count : 0;
      }
    }
    return enforced / all;
  }

  /** Of pairs that ran one behind the other: noise that lasts falls on both. */
  private double shareOfMetrics() {
    List<Double> shares = new ArrayList<>();
    for (int connections : new int[] {64, 256}) {
      List<Sample> metered = samples.getOrDefault(key("log-off", connections), List.of());
      List<Sample> unmetered = samples.getOrDefault(key(UNMETERED, connections), List.of());
      for (int round = 0; round < metered.size(); round++) {
        shares.add(1 - unmetered.get(round).cpuMicros() / metered.get(round).cpuMicros());
      }
    }
    return median(shares.stream().mapToDouble(s -> s));
  }

  private double ratio(String server, int connections, ToDoubleFunction<Sample> figure) {
    double ratio =
        median(key(server, connections), figure) / median(key("echo", connections), figure);
    return Math.rint(ratio * 100) / 100;
  }

  private double median(String key, ToDoubleFunction<Sample> figure) {
    return median(samples.getOrDefault(key, List.of()).stream().mapToDouble(figure));
  }

  private static double median(DoubleStream figures) {
    double[] sorted = figures.sorted().toArray();
    return sorted.length % 2 == 1
        ? sorted[sorted.length / 2]
        : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
  }

  private static String key(String server, int connections) {
    return server + "@" + connections;
  }

  private Server echo() throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(
        List.of(
            "-Xms128m",
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path")));
    command.addAll(List.of(EchoServer.class.getName(), "18080", "2"));
    return Server.start("echo", command, Map.of(), 18080, "http://127.0.0.1:18080/");
  }

  /** As log-off, by the launcher's flags, but for the main class. */
  private Server unmetered() throws IOException, InterruptedException {
    String main = "-cp " + System.getProperty("java.class.path") + " " + Unmetered.class.getName();
    return service(UNMETERED, 3, Map.of("ML_DECISION_LOG", "false", "ML_JAVA_OPTS", main));
  }

  private Server service(String name, int index, Map<String, String> settings)
      throws IOException, InterruptedException {
    int port = 18080 + index;
    Map<String, String> environment = new LinkedHashMap<>(settings);
    environment.put("ML_HTTP_PORT", Integer.toString(port));
    environment.put("ML_MANAGEMENT_PORT", Integer.toString(MANAGEMENT + index));
    environment.put("ML_DATA_DIR", dir.resolve(name).toString());
    return Server.start(
        name,
        List.of(home.resolve("bin/ml-service").toString(), "serve"),
        environment,
        port,
        "http://127.0.0.1:" + (MANAGEMENT + index) + "/health/ready");
  }

  /** The first rows of the workload as one binary tensor. */
  private Wrk batches(Server server, List<String> bodies) throws IOException, InterruptedException {
    JsonNode features = JSON.readTree(server.get("/ml/models/risk-score").body()).path("features");
    ByteBuffer tensor =
        ByteBuffer.allocate(BATCH_ROWS * features.size() * Float.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    for (String body : bodies.subList(0, BATCH_ROWS)) {
      JsonNode inputs = JSON.readTree(body).path("inputs");
      for (JsonNode feature : features) {
        JsonNode value = inputs.path(feature.path("name").asText());
        tensor.putFloat(value.isNull() ? Float.NaN : (float) value.asDouble());
      }
    }
    byte[] json =
        """
        {"parameters":{"binary_data_output":true},"inputs":[{"name":"input","datatype":"FP32",\
        "shape":[%d,%d],"parameters":{"binary_data_size":%d}}]}"""
            .formatted(BATCH_ROWS, features.size(), tensor.capacity())
            .getBytes(StandardCharsets.UTF_8);
    Path file = dir.resolve("batch.bin");
    Files.write(file, json);
    Files.write(file, tensor.array(), StandardOpenOption.APPEND);
    return Wrk.ofBatch(file, json.length, "/v2/models/risk-score/infer");
  }

  /** Canary rows of risk-score, five percent of them above its threshold. */
  private List<String> workload(Server server) throws IOException, InterruptedException {
    JsonNode model = JSON.readTree(server.get("/ml/models/risk-score").body());
    List<String> holds = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (String body : canary(model)) {
      boolean hold = server.post("/ml/score", body).body().contains("\"review\"");
      (hold ? holds : others).add(body);
    }
    if (holds.size() < HOLDS || others.size() < BODIES - HOLDS) {
      throw new IOException(holds.size() + " holds in the canary set, expected " + HOLDS);
    }
    List<String> bodies = new ArrayList<>();
    for (int i = 0; i < BODIES; i++) {
      bodies.add(i % 20 == 0 ? holds.get(i / 20) : others.get(i - i / 20 - 1));
    }
    return bodies;
  }

  private List<String> canary(JsonNode model) throws IOException {
    Path file;
    try (Stream<Path> versions = Files.list(home.resolve("artifacts/models/risk-score"))) {
      file = versions.max(Comparator.naturalOrder()).orElseThrow().resolve("canary.csv.gz");
    }
    List<String> bodies = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      List<String> header = List.of(lines.readLine().split(",", -1));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] cells = line.split(",", -1);
        ObjectNode body = JSON.createObjectNode().put("modelId", "risk-score");
        ObjectNode inputs = body.putObject("inputs");
        for (JsonNode feature : model.path("features")) {
          String name = feature.path("name").asText();
          String cell = cells[header.indexOf(name)];
          if (cell.isEmpty()) {
            inputs.putNull(name);
          } else {
            inputs.set(name, JSON.readTree(cell));
          }
        }
        bodies.add(body.toString());
      }
    }
    return bodies;
  }
}
