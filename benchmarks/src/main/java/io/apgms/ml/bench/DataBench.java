package io.apgms.ml.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.feedback.DrainBench;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.EmbeddedDatabase;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * {@code make bench-data}: decisions out of the spool, labels by the file in and out of a running
 * service, actions to a sink, each beside the same rows by plain row-by-row INSERT in the same run.
 *
 * <p>Arguments: rows (default 300,000), rows inserted one by one (default 5,000).
 */
public final class DataBench {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PORT = 18_090;
  private static final int MANAGEMENT = 19_096;

  private static final String DECISIONS =
      "INSERT INTO feedback.decision (id, at, model_id, model_version, model_digest, features,"
          + " groups, score, threshold, review, act, enforced, mode_source, flag_age_ms, entity_id)"
          + " SELECT ('HEAD-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, now(), 'risk-score',"
          + " '20261123', 'sha256:' || repeat('0', 64), array[0.4, 0.9, i % 100 / 33.0, 5, 210,"
          + " 0.7, 0.9, 0.6, 14, 0.5, 3, 9]::real[], '{\"sex\":\"female\"}', 0.9, 0.5, true, false,"
          + " false, 'file', 0, 'entity-' || i FROM generate_series(1, ROWS) i; ANALYZE";

  private static final String INSERT =
      "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
          + " source, submitted_by, notes, metadata, observed_at, key_scope, idempotency_key,"
          + " body_hash) VALUES (?, ?, 'risk-score', '20261123', 'FALSE_POSITIVE', 'OPERATOR',"
          + " 'ann', 'paid in full', '{\"ticket\":\"A-17\"}', now(), 'bench', ?, '')";

  private static final int ACTIONS = 20_000;

  private final int rows;
  private final int singles;
  private final Path dir = Path.of(System.getProperty("bench.dir")).toAbsolutePath();
  private final String prefix = String.format("%012x", System.currentTimeMillis());

  private DataBench(int rows, int singles) {
    this.rows = rows;
    this.singles = singles;
  }

  public static void main(String[] args) throws Exception {
    int rows = args.length > 0 ? Integer.parseInt(args[0]) : 300_000;
    int singles = args.length > 1 ? Integer.parseInt(args[1]) : 5_000;
    new DataBench(rows, singles).run();
  }

  private void run() throws Exception {
    System.out.println(
        "load average before: " + Files.readString(Path.of("/proc/loadavg")).strip());
    System.out.println("| way | rows/s |\n|---|---|");
    double decisions;
    double drain;
    double actions;
    try (EmbeddedDatabase database = EmbeddedDatabase.start(dir.resolve("drain"))) {
      Database.migrate(database.address());
      decisions = DrainBench.insert(database.address(), singles);
      drain = DrainBench.drain(dir.resolve("spool"), database.address(), rows);
      actions = OutboxBench.run(dir, database.address(), ACTIONS);
    }
    report("decisions, plain INSERT, a transaction a row", decisions);
    report("decisions out of the spool", drain);
    report("actions to a sink", actions);
    Path home = Path.of(System.getProperty("ml.home")).toAbsolutePath();
    Map<String, String> environment =
        Map.of(
            "ML_DATA_DIR", dir.resolve("data").toString(),
            "ML_HTTP_PORT", Integer.toString(PORT),
            "ML_MANAGEMENT_PORT", Integer.toString(MANAGEMENT));
    try (Server server =
        Server.start(
            "data",
            List.of(home.resolve("bin/ml-service").toString(), "serve"),
            environment,
            PORT,
            "http://127.0.0.1:" + MANAGEMENT + "/health/ready")) {
      sql(DECISIONS.replace("HEAD", uuidHead()).replace("ROWS", Integer.toString(rows)));
      double single = timed(singles, this::insertOneByOne);
      double inOne = timed(singles, this::insertInOneTransaction);
      sql("TRUNCATE feedback.model_feedback; VACUUM ANALYZE feedback.decision; CHECKPOINT");
      Path file = file();
      long before = server.rssMiB();
      double backfill = timed(rows, () -> backfill(file));
      long afterBackfill = server.rssMiB();
      sql("VACUUM ANALYZE feedback.model_feedback; CHECKPOINT");
      double ndjson = timed(rows, () -> export("ndjson"));
      double csv = timed(rows, () -> export("csv"));
      long afterExport = server.rssMiB();
      report("labels, plain INSERT, a transaction a row", single);
      report("labels, plain INSERT, one transaction", inOne);
      report("labels, backfill", backfill);
      report("labels, export, NDJSON", ndjson);
      report("labels, export, CSV", csv);
      System.out.printf(
          "DATA {\"drainToInsert\":%.1f,\"actionsPerSecond\":%.0f,\"backfillToInsert\":%.1f,"
              + "\"backfillToInsertInOneTransaction\":%.1f,\"exportRowsPerSecond\":%.0f,"
              + "\"backfillExtraMiB\":%d,\"exportExtraMiB\":%d}%n",
          drain / decisions,
          actions,
          backfill / single,
          backfill / inOne,
          ndjson,
          afterBackfill - before,
          afterExport - afterBackfill);
    }
  }

  private String uuidHead() {
    return prefix.substring(0, 8) + "-" + prefix.substring(8);
  }

  private UUID prediction(int i) {
    return UUID.fromString(uuidHead() + "-7000-8000-" + String.format("%012x", i));
  }

  private interface Work {
    void run() throws Exception;
  }

  private static double timed(int n, Work work) throws Exception {
    long start = System.nanoTime();
    work.run();
    return n / ((System.nanoTime() - start) / 1e9);
  }

  private static void report(String what, double perSecond) {
    System.out.printf("| %s | %,.0f |%n", what, perSecond);
  }

  private Connection connect() throws IOException, SQLException {
    String port = Files.readAllLines(dir.resolve("data/postgres/postmaster.pid")).get(3).strip();
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", "postgres");
  }

  private void sql(String statements) throws IOException, SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      for (String one : statements.split("; ", -1)) {
        statement.execute(one);
      }
    }
  }

  private void insertOneByOne() throws Exception {
    insert(true);
  }

  private void insertInOneTransaction() throws Exception {
    insert(false);
  }

  private void insert(boolean autoCommit) throws Exception {
    try (Connection connection = connect();
        PreparedStatement insert = connection.prepareStatement(INSERT)) {
      connection.setAutoCommit(autoCommit);
      for (int i = 1; i <= singles; i++) {
        insert.setObject(1, UUID.randomUUID());
        insert.setObject(2, prediction(i));
        insert.setString(3, "key-" + autoCommit + i);
        insert.executeUpdate();
      }
      if (!autoCommit) {
        connection.commit();
      }
    }
  }

  private Path file() throws IOException {
    Path file = dir.resolve("labels.ndjson");
    try (var out = Files.newBufferedWriter(file)) {
      for (int i = 1; i <= rows; i++) {
        out.write(
            "{\"predictionId\":\""
                + prediction(i)
                + "\",\"modelId\":\"risk-score\",\"modelVersion\":\"20261123\",\"label\":"
                + "\"FALSE_POSITIVE\",\"source\":\"OPERATOR\",\"submittedBy\":\"ann\",\"notes\":"
                + "\"paid in full\",\"metadata\":{\"ticket\":\"A-17\"},\"observedAt\":"
                + "\"2026-11-23T08:00:00Z\"}\n");
      }
    }
    return file;
  }

  private void backfill(Path file) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + PORT + "/ml/feedback/backfill"))
            .header("Content-Type", "application/x-ndjson")
            .POST(BodyPublishers.ofFile(file))
            .build();
    String answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body();
    JsonNode counts = JSON.readTree(answer);
    if (counts.path("recorded").asInt() != rows) {
      throw new IllegalStateException(answer.substring(0, Math.min(500, answer.length())));
    }
  }

  private void export(String format) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create(
                    "http://127.0.0.1:"
                        + PORT
                        + "/ml/feedback/export?modelId=risk-score&format="
                        + format))
            .build();
    long lines = 0;
    try (InputStream in =
        HttpClient.newHttpClient().send(request, BodyHandlers.ofInputStream()).body()) {
      byte[] buffer = new byte[1 << 18];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        for (int i = 0; i < n; i++) {
          lines += buffer[i] == '\n' ? 1 : 0;
        }
      }
    }
    if (lines != rows + (format.equals("csv") ? 1 : 0)) {
      throw new IllegalStateException(lines + " lines of " + format + ", expected " + rows);
    }
  }
}
