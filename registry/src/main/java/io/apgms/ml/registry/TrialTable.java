package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Optional;
import java.util.UUID;

/** The statements over registry.trial. */
final class TrialTable {
  /** Most of one list. */
  static final int MAX_LIST = 20;

  static final String NEWEST_FIRST =
      "SELECT to_json(t) AS t FROM registry.trial t WHERE model = $1 ORDER BY n DESC LIMIT "
          + MAX_LIST;

  private TrialTable() {}

  static Future<Optional<Trial>> lockRunning(SqlConnection c, String model) {
    return c.preparedQuery(
            "SELECT to_json(t) AS t FROM registry.trial t WHERE model = $1 AND state = 'running'"
                + " FOR UPDATE OF t")
        .execute(Tuple.of(model))
        .map(rows -> Rows.first(rows, TrialTable::trial));
  }

  /** Empty where another one holds its lock: that one is ending it, or about to judge it. */
  static Future<Optional<Trial>> lockRunning(SqlConnection c, UUID id) {
    return c.preparedQuery(
            "SELECT to_json(t) AS t FROM registry.trial t WHERE id = $1 AND state = 'running'"
                + " FOR UPDATE OF t SKIP LOCKED")
        .execute(Tuple.of(id))
        .map(rows -> Rows.first(rows, TrialTable::trial));
  }

  static Future<Integer> nextOf(SqlConnection c, String model) {
    return c.preparedQuery("SELECT coalesce(max(n), 0) + 1 FROM registry.trial WHERE model = $1")
        .execute(Tuple.of(model))
        .map(rows -> rows.iterator().next().getInteger(0));
  }

  static Future<Void> insert(SqlConnection c, Trial t) {
    return c.preparedQuery(
            "INSERT INTO registry.trial (model, n, id, kind, version, digest, base_version,"
                + " base_digest, ticket, least_pairs, max_errors, max_disagreement,"
                + " max_mean_difference, actor, at, until, reason, audit_id) VALUES ($1, $2, $3,"
                + " $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)")
        .execute(
            Tuple.tuple()
                .addString(t.model())
                .addInteger(t.n())
                .addUUID(t.id())
                .addString(t.kind().name())
                .addString(t.version())
                .addString(t.digest())
                .addString(t.baseVersion())
                .addString(t.baseDigest())
                .addString(t.ticket())
                .addInteger(t.bounds().leastPairs())
                .addInteger(t.bounds().maxErrors())
                .addDouble(t.bounds().maxDisagreement())
                .addDouble(t.bounds().maxMeanDifference())
                .addString(t.actor())
                .addOffsetDateTime(Rows.offset(t.at()))
                .addOffsetDateTime(Rows.offset(t.until()))
                .addString(t.reason())
                .addUUID(t.auditId()))
        .compose(v -> announce(c, t));
  }

  static Future<Void> end(SqlConnection c, Trial ended, Trial.End end) {
    return c.preparedQuery(
            "UPDATE registry.trial SET state = $2, ended_by = $3, ended_at = $4, end_reason = $5,"
                + " end_audit_id = $6 WHERE id = $1")
        .execute(
            Tuple.of(
                ended.id(),
                ended.state().name(),
                end.actor(),
                Rows.offset(end.at()),
                end.reason(),
                end.auditId()))
        .compose(v -> announce(c, ended));
  }

  private static Future<Void> announce(SqlConnection c, Trial t) {
    return Database.announce(c, t.model() + ":trial");
  }

  static Trial trial(Row row) {
    return trial(row.getJsonObject("t"));
  }

  static Trial trial(JsonObject t) {
    Instant at = time(t, "at");
    Instant until = time(t, "until");
    return new Trial(
        UUID.fromString(t.getString("id")),
        t.getString("model"),
        t.getInteger("n"),
        Trial.Kind.valueOf(t.getString("kind")),
        t.getString("version"),
        t.getString("digest"),
        t.getString("base_version"),
        t.getString("base_digest"),
        t.getString("ticket"),
        new TrialBounds(
            t.getInteger("least_pairs"),
            t.getInteger("max_errors"),
            t.getDouble("max_disagreement"),
            t.getDouble("max_mean_difference"),
            Duration.between(at, until)),
        t.getString("actor"),
        at,
        until,
        t.getString("reason"),
        UUID.fromString(t.getString("audit_id")),
        Trial.State.valueOf(t.getString("state")),
        t.getString("ended_at") == null
            ? null
            : new Trial.End(
                t.getString("ended_by"),
                time(t, "ended_at"),
                t.getString("end_reason"),
                UUID.fromString(t.getString("end_audit_id"))));
  }

  private static Instant time(JsonObject t, String key) {
    return OffsetDateTime.parse(t.getString(key)).toInstant();
  }
}
