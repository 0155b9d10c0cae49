package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Which replicas live and what each serves, by their own reports. */
public final class Replicas {
  private static final int MAX_REPLICAS = 1_000;

  // At most 100 dead rows go with each heartbeat, none that another heartbeat is removing.
  private static final String HEARTBEAT =
      "WITH gone AS (DELETE FROM registry.replica WHERE id IN (SELECT id FROM registry.replica"
          + " WHERE seen_at < clock_timestamp() - interval '1 day' AND id <> $1"
          + " LIMIT 100 FOR UPDATE SKIP LOCKED))"
          + " INSERT INTO registry.replica"
          + " (id, started_at, seen_at, serving, env_pins, failures, address, audit_seq)"
          + " VALUES ($1, $2, clock_timestamp(), $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET"
          + " started_at = excluded.started_at, seen_at = excluded.seen_at,"
          + " serving = excluded.serving, env_pins = excluded.env_pins,"
          + " failures = excluded.failures, address = excluded.address,"
          + " audit_seq = excluded.audit_seq";

  private static final String LIVE =
      "SELECT id, started_at, serving, env_pins, failures, address, audit_seq"
          + " FROM registry.replica"
          + " WHERE seen_at > clock_timestamp() - make_interval(secs => $1)"
          + " ORDER BY id LIMIT "
          + MAX_REPLICAS;

  private static final String SILENT =
      "SELECT id FROM registry.replica"
          + " WHERE seen_at <= clock_timestamp() - make_interval(secs => $1)"
          + " AND seen_at > clock_timestamp() - make_interval(secs => $2)"
          + " ORDER BY id LIMIT "
          + MAX_REPLICAS;

  private final Database db;

  Replicas(Database db) {
    this.db = db;
  }

  /** Stores the report as seen now, by the database's clock; removes rows older than a day. */
  public Future<Void> heartbeat(ReplicaState state) {
    JsonObject serving = new JsonObject();
    state
        .serving()
        .forEach(
            (model, s) ->
                serving.put(
                    model,
                    new JsonObject().put("version", s.version()).put("revision", s.revision())));
    return db.read(
        HEARTBEAT,
        Tuple.of(
            state.id(),
            Rows.offset(state.startedAt()),
            serving,
            json(state.envPins()),
            json(state.failures()),
            state.address(),
            state.auditSeq()),
        rows -> null);
  }

  /**
   * Takes a replica that stops out of the live ones at once; nothing happens when it is unknown.
   */
  public Future<Void> leave(String id) {
    return db.read("DELETE FROM registry.replica WHERE id = $1", Tuple.of(id), rows -> null);
  }

  /** Replicas seen within {@code maxAge} by the database's clock, by id, at most 1,000. */
  public Future<List<ReplicaState>> live(Duration maxAge) {
    return db.read(
        LIVE, Tuple.of(maxAge.toMillis() / 1e3), rows -> Rows.list(rows, Replicas::replica));
  }

  /**
   * Replicas that did not leave and were seen last between {@code least} and {@code most} ago, by
   * id, at most 1,000: killed, or cut off from the database.
   */
  public Future<List<String>> silent(Duration least, Duration most) {
    return db.read(
        SILENT,
        Tuple.of(least.toMillis() / 1e3, most.toMillis() / 1e3),
        rows -> Rows.list(rows, row -> row.getString("id")));
  }

  private static JsonObject json(Map<String, String> texts) {
    JsonObject object = new JsonObject();
    texts.forEach(object::put);
    return object;
  }

  private static Map<String, String> texts(JsonObject stored) {
    Map<String, String> texts = new HashMap<>();
    stored.fieldNames().forEach(key -> texts.put(key, stored.getString(key)));
    return texts;
  }

  private static ReplicaState replica(Row row) {
    Map<String, ReplicaState.Serving> serving = new HashMap<>();
    JsonObject stored = row.getJsonObject("serving");
    for (String model : stored.fieldNames()) {
      JsonObject s = stored.getJsonObject(model);
      serving.put(
          model, new ReplicaState.Serving(s.getString("version"), s.getInteger("revision")));
    }
    return new ReplicaState(
        row.getString("id"),
        row.getOffsetDateTime("started_at").toInstant(),
        serving,
        texts(row.getJsonObject("env_pins")),
        texts(row.getJsonObject("failures")),
        row.getString("address"),
        row.getLong("audit_seq"));
  }
}
