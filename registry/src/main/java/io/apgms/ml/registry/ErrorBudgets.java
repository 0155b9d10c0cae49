package io.apgms.ml.registry;

import io.apgms.ml.registry.ErrorBudget.Used;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/** The error budgets of all replicas together, by the database's clock. */
public final class ErrorBudgets {
  private static final int MAX_ROWS = 50_000; // of one reading; the next one goes on behind it

  // What is older than the period goes with each report, at most 1,000 buckets of it, none that
  // another report is removing. Rows are taken in order of models, so that two never wait for
  // each other.
  private static final String ADD =
      "WITH old AS (DELETE FROM registry.error_budget WHERE (model, at) IN (SELECT model, at"
          + " FROM registry.error_budget WHERE at <= clock_timestamp()"
          + " - interval '720 hours 5 minutes' ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED)),"
          + " gone AS (DELETE FROM registry.error_budget_reporter WHERE id IN (SELECT id"
          + " FROM registry.error_budget_reporter WHERE id <> $1"
          + " AND at < clock_timestamp() - interval '1 day' LIMIT 100 FOR UPDATE SKIP LOCKED)),"
          + " once AS (INSERT INTO registry.error_budget_reporter AS r (id, seq, at)"
          + " VALUES ($1, $2, clock_timestamp()) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq,"
          + " at = excluded.at WHERE r.seq < excluded.seq RETURNING 1)"
          + " INSERT INTO registry.error_budget AS b (model, at, requests, bad, allowed)"
          + " SELECT u.model, date_bin('5 minutes', clock_timestamp(), timestamptz 'epoch'),"
          + " u.requests, u.bad, u.allowed FROM once,"
          + " unnest($3::text[], $4::bigint[], $5::bigint[], $6::float8[])"
          + " AS u (model, requests, bad, allowed) ORDER BY u.model"
          + " ON CONFLICT (model, at) DO UPDATE SET requests = b.requests + excluded.requests,"
          + " bad = b.bad + excluded.bad, allowed = b.allowed + excluded.allowed";

  private static final String SINCE =
      "SELECT model, at, requests, bad, allowed FROM registry.error_budget WHERE at >= $1"
          + " ORDER BY at, model LIMIT "
          + MAX_ROWS;

  private final Database db;

  ErrorBudgets(Database db) {
    this.db = db;
  }

  /** A bucket of a model, by the time it starts at. */
  public record Bucket(String model, Instant at, Used used) {}

  /**
   * Adds to the bucket of now. What was added by the same reporter with the same number, or a later
   * one, is not added again.
   *
   * @param reporter one run of one replica
   * @param seq 1, 2, 3 …
   * @param used by model
   */
  public Future<Void> add(UUID reporter, long seq, Map<String, Used> used) {
    List<Used> values = List.copyOf(new TreeMap<>(used).values());
    return db.read(
        ADD,
        Tuple.tuple()
            .addUUID(reporter)
            .addLong(seq)
            .addArrayOfString(new TreeMap<>(used).keySet().toArray(String[]::new))
            .addArrayOfLong(values.stream().map(Used::requests).toArray(Long[]::new))
            .addArrayOfLong(values.stream().map(Used::bad).toArray(Long[]::new))
            .addArrayOfDouble(values.stream().map(Used::allowed).toArray(Double[]::new)),
        rows -> null);
  }

  /** The buckets that start at a time or after it, oldest first, at most 50,000. */
  public Future<List<Bucket>> since(Instant from) {
    return db.read(SINCE, Tuple.of(Rows.offset(from)), rows -> Rows.list(rows, ErrorBudgets::row));
  }

  private static Bucket row(Row r) {
    return new Bucket(r.getString("model"), r.getOffsetDateTime("at").toInstant(), used(r));
  }

  /** What a model has used of its budget of 30 days. */
  static Future<Used> used(SqlConnection c, String model) {
    return c.preparedQuery("SELECT * FROM registry.error_budget_used($1)")
        .execute(Tuple.of(model))
        .map(rows -> used(rows.iterator().next()));
  }

  private static Used used(Row r) {
    return new Used(r.getLong("requests"), r.getLong("bad"), r.getDouble("allowed"));
  }
}
