package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Roles;
import io.vertx.core.Vertx;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Three real gateways over one PostgreSQL, behind one HAProxy. The second reaches PostgreSQL by a
 * path that can be cut; the third has a registry folder of its own. risk-score starts with 20261116
 * as its only revision; 20261123 is a candidate.
 */
final class Replicas implements AutoCloseable {
  static final String MODEL = "/admin/models/risk-score";
  static final String OLD = "20261116";
  static final String NEW = "20261123";
  private static final ObjectMapper JSON = new ObjectMapper();

  final ApprovalRun run;
  final Path ownRegistry;
  final ReceivingSink sink = new ReceivingSink();
  final Path flags;
  final TcpRelay relay;
  final HaProxy balancer;
  private final Path dir;
  private final EmbeddedPostgres postgres;
  private final List<RunningService> services = new ArrayList<>();
  private final HttpClient client = HttpClient.newHttpClient();
  private final String oncall;

  /**
   * Starts everything and waits until HAProxy sends requests to all of them.
   *
   * @param settings of each replica beside what is common to them
   */
  Replicas(Path dir, List<Map<String, String>> settings) throws Exception {
    this.dir = dir;
    this.run = new ApprovalRun(dir);
    delete(run.models.resolve("credit-default"));
    move(run.models, run.candidates);
    this.ownRegistry = dir.resolve("own/models");
    copy(run.models, ownRegistry);
    this.flags = dir.resolve("flags.json");
    mode("observe");
    this.postgres = Cluster.at(dir.resolve("cluster")).start();
    this.relay = new TcpRelay(postgres.getPort());
    this.oncall = oncall(settings.size());
    services.add(start(0, settings.get(0))); // it migrates and enters the first revision
    List<CompletableFuture<RunningService>> others = new ArrayList<>();
    for (int i = 1; i < settings.size(); i++) {
      int replica = i;
      others.add(CompletableFuture.supplyAsync(() -> start(replica, settings.get(replica))));
    }
    others.forEach(other -> services.add(other.join()));
    copy(run.candidates, ownRegistry);
    this.balancer = new HaProxy(dir, services);
    balancer.awaitUp(services.size());
  }

  /** What the second version is published from, and nothing the first start could enter. */
  private static void move(Path models, Path candidates) throws IOException {
    Files.createDirectories(candidates.resolve("risk-score"));
    Files.move(
        models.resolve("risk-score").resolve(NEW), candidates.resolve("risk-score").resolve(NEW));
  }

  /** One key for all of them, so that a token is good at each. */
  private String oncall(int replicas) throws IOException {
    Vertx vertx = Vertx.vertx();
    try {
      DevIssuer issuer = DevIssuer.open(vertx, data(0));
      for (int i = 1; i < replicas; i++) {
        Path keys = Files.createDirectories(data(i).resolve("keys"));
        Files.copy(data(0).resolve("keys/dev-issuer.key"), keys.resolve("dev-issuer.key"));
      }
      return issuer.mint("olga", null, List.of(Roles.ONCALL, Roles.DS_LEAD));
    } finally {
      PlantedService.await(vertx.close());
    }
  }

  Path home(int replica) {
    return dir.resolve("r" + replica);
  }

  private Path data(int replica) {
    return home(replica).resolve("data");
  }

  private RunningService start(int replica, Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(run.environment());
    int port = replica == 1 ? relay.port() : postgres.getPort();
    settings.put(
        "ML_DATABASE_URL", "postgresql://postgres:postgres@127.0.0.1:" + port + "/postgres");
    settings.put("ML_DATABASE_TIMEOUT_MS", replica == 1 ? "1000" : "2000");
    settings.put("ML_FLAGS_FILE", flags.toString());
    settings.put("ML_ACTION_SINKS", sink.url());
    settings.put("ML_ACTION_SECRET", ReceivingSink.SECRET);
    settings.put("ML_ACTION_ALLOW_PRIVATE", "true");
    settings.put("ML_ACTION_CONCURRENCY", "4");
    settings.put("ML_ACTION_CAP", "1000000");
    settings.put("ML_JAVA_OPTS", "-Xms128m -Xmx128m -XX:+AlwaysPreTouch"); // RSS is what is native
    if (replica == 2) {
      settings.put("ML_REGISTRY_DIR", ownRegistry.toString());
    }
    settings.putAll(more);
    try {
      return RunningService.start(Files.createDirectories(home(replica)), settings);
    } catch (Exception e) {
      throw new AssertionError("replica " + replica, e);
    }
  }

  RunningService get(int replica) {
    return services.get(replica);
  }

  int size() {
    return services.size();
  }

  /** The id a replica reports under. */
  String id(int replica) throws IOException {
    return Files.readString(data(replica).resolve("replica-id")).strip();
  }

  void mode(String variant) throws IOException {
    Acting.flags(flags, variant);
  }

  /** A rollback to a revision, asked of one replica. */
  HttpResponse<String> rollback(int replica, int toRevision, String key) {
    ObjectNode body = JSON.createObjectNode().put("reason", "drill").put("toRevision", toRevision);
    return admin(replica, "POST", MODEL + "/rollback", body.toString(), key);
  }

  HttpResponse<String> admin(int replica, String method, String path, String body, String key) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + get(replica).managementPort() + path))
            .timeout(Duration.ofSeconds(20))
            .header("Authorization", "Bearer " + oncall)
            .header("Idempotency-Key", key == null ? UUID.randomUUID().toString() : key)
            .header("Content-Type", "application/json")
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    try {
      return client.send(request.build(), BodyHandlers.ofString());
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  JsonNode deployments(int replica) throws IOException {
    return JSON.readTree(admin(replica, "GET", MODEL + "/deployments", null, null).body());
  }

  /** What a replica answers when it is asked itself. */
  JsonNode score(int replica) {
    try {
      return RunningService.json(get(replica).api("POST", "/ml/score", ITFaults.CASE));
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** The same, of one that may sleep for a while before. */
  JsonNode patientScore(int replica) {
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + get(replica).apiPort() + "/ml/score"))
            .timeout(Duration.ofMinutes(1))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(ITFaults.CASE))
            .build();
    try {
      return RunningService.json(client.send(request, BodyHandlers.ofString()));
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  String version(int replica) {
    return score(replica).path("modelVersion").asText();
  }

  HttpResponse<String> health(int replica) {
    try {
      return get(replica).management("GET", "/health/ready", null, null);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  void awaitReady(int replica, int status, Duration bound) throws InterruptedException {
    RunningService.await(bound, () -> health(replica).statusCode() == status);
  }

  /** Of one that is known to be done everywhere. */
  JsonNode done(HttpResponse<String> answer) throws IOException {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    JsonNode json = RunningService.json(answer);
    assertThat(json.path("replicas")).hasSize(size());
    return json;
  }

  void assertAllServe(String version) {
    for (int i = 0; i < size(); i++) {
      assertThat(version(i)).as("replica %d", i).isEqualTo(version);
    }
  }

  int revision() throws IOException {
    return deployments(0).at("/deployments/0/revision").asInt();
  }

  /** Resident memory of all replicas. */
  long rssKiB() throws IOException {
    long sum = 0;
    for (RunningService service : services) {
      List<String> lines =
          Files.readAllLines(Path.of("/proc/" + service.handle().pid() + "/status"));
      String rss = lines.stream().filter(l -> l.startsWith("VmRSS:")).findAny().orElseThrow();
      sum += Long.parseLong(rss.replaceAll("[^0-9]", ""));
    }
    return sum;
  }

  Connection connect() throws SQLException {
    return postgres.getPostgresDatabase().getConnection();
  }

  long count(String from) {
    try (Connection connection = connect();
        PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM " + from);
        ResultSet rows = statement.executeQuery()) {
      rows.next();
      return rows.getLong(1);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  /** How many of these decisions are in the table. */
  long stored(Collection<String> ids) {
    try (Connection connection = connect();
        PreparedStatement statement =
            connection.prepareStatement(
                "SELECT count(*) FROM feedback.decision WHERE id = ANY (?::uuid[])")) {
      statement.setArray(1, connection.createArrayOf("text", ids.toArray()));
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
        return rows.getLong(1);
      }
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  /** Ends a replica by SIGTERM; milliseconds until its process was gone. */
  long end(int replica) throws Exception {
    long began = System.nanoTime();
    ProcessHandle process = get(replica).handle();
    get(replica).signal("TERM");
    process.onExit().get(40, TimeUnit.SECONDS);
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
  }

  /** Flips a bit of a version's module; a second time it is what it was. */
  static void alter(Path version) throws IOException {
    Path module = version.resolve("model.pt");
    byte[] bytes = Files.readAllBytes(module);
    bytes[bytes.length / 2] ^= 1;
    Files.write(module, bytes);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path source : all.toList()) {
        Path target = to.resolve(from.relativize(source).toString());
        if (!Files.isDirectory(source)) {
          Files.createDirectories(target.getParent());
          Files.copy(source, target);
        }
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  @Override
  public void close() throws IOException {
    balancer.close();
    for (RunningService service : services) {
      service.handle().destroyForcibly();
    }
    relay.close();
    sink.close();
    postgres.close();
  }
}
