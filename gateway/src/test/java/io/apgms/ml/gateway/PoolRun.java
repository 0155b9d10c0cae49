package io.apgms.ml.gateway;

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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Edges and scoring processes, real ones, over one PostgreSQL and one cluster: first those that
 * score, then the edges. risk-score serves 20261123, its second revision.
 */
final class PoolRun implements AutoCloseable {
  static final int WINDOW = 64;
  private static final Duration BOUND = Duration.ofSeconds(20);

  final int scoring;
  private final Path dir;
  private final ApprovalRun run;
  private final EmbeddedPostgres postgres;
  private final List<RunningService> services = new ArrayList<>();
  private final HttpClient client = HttpClient.newHttpClient();
  private final String oncall;
  private final String members;
  private final int[] ports;
  private final int[] busPorts;
  private final Map<String, String> common;

  PoolRun(Path dir, int scoring, int edges, Map<String, String> common) throws Exception {
    this.dir = dir;
    this.scoring = scoring;
    this.common = common;
    this.run = new ApprovalRun(dir);
    int processes = scoring + edges;
    this.ports = new int[processes];
    this.busPorts = new int[processes];
    for (int i = 0; i < processes; i++) {
      ports[i] = RunningService.freePort();
      busPorts[i] = RunningService.freePort();
    }
    this.members = "127.0.0.1:" + ports[0] + ",127.0.0.1:" + ports[processes - 1];
    this.postgres = Cluster.at(dir.resolve("cluster")).start();
    this.oncall = oncall(processes);
    services.add(start(0)); // it migrates and enters the first revisions
    List<CompletableFuture<RunningService>> others = new ArrayList<>();
    for (int i = 1; i < processes; i++) {
      int process = i;
      others.add(CompletableFuture.supplyAsync(() -> start(process)));
    }
    others.forEach(other -> services.add(other.join()));
    awaitMembers(scoring);
  }

  private String oncall(int processes) throws IOException {
    Vertx vertx = Vertx.vertx();
    try {
      DevIssuer issuer = DevIssuer.open(vertx, data(0));
      for (int i = 1; i < processes; i++) {
        Path keys = Files.createDirectories(data(i).resolve("keys"));
        Files.copy(data(0).resolve("keys/dev-issuer.key"), keys.resolve("dev-issuer.key"));
      }
      return issuer.mint("olga", null, List.of(Roles.ONCALL));
    } finally {
      PlantedService.await(vertx.close());
    }
  }

  private Path data(int process) {
    return dir.resolve("p" + process).resolve("data");
  }

  private RunningService start(int process) {
    Map<String, String> settings = new HashMap<>(run.environment());
    settings.put(
        "ML_DATABASE_URL",
        "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/postgres");
    boolean first = process == scoring;
    settings.put("ML_ROLES", process < scoring ? "scoring" : first ? "edge,data" : "edge");
    settings.put("ML_CLUSTER_PORT", Integer.toString(ports[process]));
    settings.put("ML_CLUSTER_BUS_PORT", Integer.toString(busPorts[process]));
    settings.put("ML_CLUSTER_MEMBERS", members);
    settings.put("ML_CLUSTER_WINDOW_ROWS", Integer.toString(WINDOW));
    settings.put("ML_HTTP_LOOPS", "1");
    settings.putAll(common);
    try {
      return RunningService.start(Files.createDirectories(dir.resolve("p" + process)), settings);
    } catch (Exception e) {
      throw new AssertionError("process " + process, e);
    }
  }

  /** One that scores. */
  RunningService scorer(int i) {
    return services.get(i);
  }

  RunningService edge(int i) {
    return services.get(scoring + i);
  }

  int size() {
    return services.size();
  }

  Path models() {
    return run.models;
  }

  HttpResponse<String> rollback(int toRevision) throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(
                URI.create(
                    "http://127.0.0.1:"
                        + edge(0).managementPort()
                        + "/admin/models/risk-score/rollback"))
            .timeout(Duration.ofSeconds(20))
            .header("Authorization", "Bearer " + oncall)
            .header("Content-Type", "application/json")
            .POST(
                BodyPublishers.ofString(
                    "{\"reason\":\"drill\",\"toRevision\":%d}".formatted(toRevision)))
            .build(),
        BodyHandlers.ofString());
  }

  /** A score of an edge; many at once, each on a connection of its own. */
  CompletableFuture<HttpResponse<String>> ask(RunningService edge, String body) {
    return client.sendAsync(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + edge.apiPort() + "/ml/score"))
            .timeout(Duration.ofSeconds(20))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  /** Until each edge knows so many event loops that score. */
  void awaitMembers(int count) throws InterruptedException {
    for (RunningService edge : services.subList(scoring, services.size())) {
      RunningService.await(BOUND, () -> metric(edge, "apgms_ml_pool_members") == count);
    }
  }

  /** A figure of PostgreSQL itself. */
  long ask(String sql) throws SQLException {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet rows = statement.executeQuery()) {
      rows.next();
      return rows.getLong(1);
    }
  }

  static double metric(RunningService of, String name) {
    try {
      return of.metric(name);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() throws IOException {
    for (int i = services.size() - 1; i >= 0; i--) {
      if (services.get(i).handle().isAlive()) {
        services.get(i).close();
      }
    }
    postgres.close();
  }
}
