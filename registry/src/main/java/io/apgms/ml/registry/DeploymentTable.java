package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The statements over registry.deployment and registry.pointer, each inside a transaction. */
final class DeploymentTable {
  /**
   * Most revisions read at once; {@link RollbackRules#lastGood} says why older ones do not matter
   * to it.
   */
  static final int MAX_HISTORY = 1_000;

  private static final String SELECT =
      "SELECT model, revision, version, digest, kind, from_version, rolled_back_from, actor, at,"
          + " reason, ticket, incident, audit_id, body_hash FROM registry.deployment ";
  static final String NEWEST_FIRST =
      SELECT + "WHERE model = $1 ORDER BY revision DESC LIMIT " + MAX_HISTORY;
  static final String SERVING_AT =
      SELECT + "WHERE model = $1 AND at <= $2 ORDER BY revision DESC LIMIT 1";

  private DeploymentTable() {}

  static Future<Pointer> lockPointer(SqlConnection c, String model) {
    return lockPointerIfAny(c, model)
        .map(
            found ->
                found.orElseThrow(
                    () -> new RegistryException.NotFound("model " + model + " is unknown")));
  }

  static Future<Optional<Pointer>> lockPointerIfAny(SqlConnection c, String model) {
    return c.preparedQuery("SELECT * FROM registry.pointer WHERE model = $1 FOR UPDATE")
        .execute(Tuple.of(model))
        .map(rows -> Rows.first(rows, DeploymentTable::pointer));
  }

  static Future<List<Deployment>> newestFirst(SqlConnection c, String model) {
    return c.preparedQuery(NEWEST_FIRST)
        .execute(Tuple.of(model))
        .map(rows -> Rows.list(rows, DeploymentTable::deployment));
  }

  static Future<Deployment> revision(SqlConnection c, String model, int revision) {
    return c.preparedQuery(SELECT + "WHERE model = $1 AND revision = $2")
        .execute(Tuple.of(model, revision))
        .map(
            rows ->
                Rows.first(rows, DeploymentTable::deployment)
                    .orElseThrow(
                        () ->
                            new RegistryException.NotFound(
                                "model " + model + " has no revision " + revision)));
  }

  /** The newest revision that made this version active. */
  static Future<Optional<Deployment>> ofVersion(SqlConnection c, String model, String version) {
    return c.preparedQuery(
            SELECT + "WHERE model = $1 AND version = $2 ORDER BY revision DESC LIMIT 1")
        .execute(Tuple.of(model, version))
        .map(rows -> Rows.first(rows, DeploymentTable::deployment));
  }

  /** The revision a key has made, if any; KeyReused when it was for another request. */
  static Future<Optional<Deployment>> byKey(
      SqlConnection c, @Nullable String key, String bodyHash) {
    if (key == null) {
      return Future.succeededFuture(Optional.empty());
    }
    return c.preparedQuery(SELECT + "WHERE idempotency_key = $1")
        .execute(Tuple.of(key))
        .map(
            rows ->
                Rows.first(
                    rows,
                    row -> {
                      if (!bodyHash.equals(row.getString("body_hash"))) {
                        throw new RegistryException.KeyReused(
                            "the idempotency key was used for another request, expected a new key");
                      }
                      return deployment(row);
                    }));
  }

  static Future<Void> insert(SqlConnection c, Deployment d, @Nullable RollbackCommand keyed) {
    String key = keyed == null ? null : keyed.idempotencyKey();
    return c.preparedQuery(
            "INSERT INTO registry.deployment (model, revision, version, digest, kind, from_version,"
                + " rolled_back_from, actor, at, reason, ticket, incident, audit_id,"
                + " idempotency_key, body_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
                + " $11, $12, $13, $14, $15)")
        .execute(
            Tuple.tuple()
                .addString(d.model())
                .addInteger(d.revision())
                .addString(d.version())
                .addString(d.digest())
                .addString(d.kind().name())
                .addString(d.fromVersion())
                .addString(d.rolledBackFrom())
                .addString(d.actor())
                .addOffsetDateTime(Rows.offset(d.at()))
                .addString(d.reason())
                .addString(d.ticket())
                .addString(d.incident())
                .addUUID(d.auditId())
                .addString(key)
                .addString(keyed == null || key == null ? null : keyed.bodyHash()))
        .mapEmpty();
  }

  /** The first pointer of a model; false when another transaction has made it already. */
  static Future<Boolean> insertPointer(
      SqlConnection c, String model, int revision, VersionDigest to) {
    return c.preparedQuery(
            "INSERT INTO registry.pointer (model, revision, version, digest, updated_at)"
                + " VALUES ($1, $2, $3, $4, clock_timestamp()) ON CONFLICT (model) DO NOTHING")
        .execute(Tuple.of(model, revision, to.version(), to.digest()))
        .map(rows -> rows.rowCount() == 1);
  }

  /** Moves the pointer from {@code before} to the new revision, or fails when it has moved. */
  static Future<Void> movePointer(SqlConnection c, Pointer before, Deployment to) {
    boolean pin = to.kind() == Deployment.Kind.pin;
    OffsetDateTime at = Rows.offset(to.at());
    return c.preparedQuery(
            "UPDATE registry.pointer SET revision = $3, version = $4, digest = $5, updated_at = $6,"
                + " pin_actor = $7, pin_reason = $8, pinned_at = $9"
                + " WHERE model = $1 AND revision = $2")
        .execute(
            Tuple.tuple()
                .addString(before.model())
                .addInteger(before.revision())
                .addInteger(to.revision())
                .addString(to.version())
                .addString(to.digest())
                .addOffsetDateTime(at)
                .addString(pin ? to.actor() : null)
                .addString(pin ? to.reason() : null)
                .addOffsetDateTime(pin ? at : null))
        .compose(
            rows ->
                rows.rowCount() == 1
                    ? Database.announce(c, to.model() + ":" + to.revision())
                    : Future.failedFuture(
                        new RegistryException.Conflict(
                            "model "
                                + before.model()
                                + " has left revision "
                                + before.revision()
                                + ", expected it active")));
  }

  static Deployment deployment(Row r) {
    return new Deployment(
        r.getString("model"),
        r.getInteger("revision"),
        r.getString("version"),
        r.getString("digest"),
        Deployment.Kind.valueOf(r.getString("kind")),
        r.getString("from_version"),
        r.getString("rolled_back_from"),
        r.getString("actor"),
        r.getOffsetDateTime("at").toInstant(),
        r.getString("reason"),
        r.getString("ticket"),
        r.getString("incident"),
        r.getUUID("audit_id"));
  }

  private static Pointer pointer(Row r) {
    OffsetDateTime pinnedAt = r.getOffsetDateTime("pinned_at");
    return new Pointer(
        r.getString("model"),
        r.getInteger("revision"),
        r.getString("version"),
        r.getString("digest"),
        pinnedAt == null
            ? null
            : new Pointer.Pin(
                r.getString("pin_actor"), r.getString("pin_reason"), pinnedAt.toInstant()),
        r.getOffsetDateTime("updated_at").toInstant());
  }
}
