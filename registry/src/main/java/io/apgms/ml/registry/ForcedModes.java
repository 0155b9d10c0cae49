package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Forces observe, for one model or all. It can never force act.
 *
 * <p>Each change is one transaction with its audit row first, and notifies {@code registry_changed}
 * with {@code scope:mode}. What is in force is read with {@link RegistryDatabase#controlState}.
 */
public final class ForcedModes {
  private static final String FORCE = "mode.force";

  private static final String FORCED_AT =
      "SELECT DISTINCT ON (subject) subject, action, actor, at, detail, id, seq"
          + " FROM registry.audit_log"
          + " WHERE action IN ('mode.force', 'mode.lift') AND subject IN ($1, '*') AND at <= $2"
          + " ORDER BY subject, seq DESC";

  private static final Duration MAX_TTL = Duration.ofDays(366);

  private final Database db;
  private final AuditLog audit;

  ForcedModes(Database db, AuditLog audit) {
    this.db = db;
    this.audit = audit;
  }

  /**
   * Forces observe; replaces what is in force for the same scope.
   *
   * @param model null for all models
   * @param ttl 1 ms to 366 days by the database's clock; null holds until lifted
   */
  public Future<ForcedMode> force(
      String actor, String reason, @Nullable String model, @Nullable Duration ttl) {
    return Future.succeededFuture()
        .compose(
            v -> {
              Map<String, @Nullable Object> detail = new HashMap<>();
              detail.put("mode", "observe");
              detail.put("reason", Text.require("reason", reason, Text.MAX_REASON));
              detail.put("ttlMs", millis(ttl));
              AuditRecord record = new AuditRecord(actor, FORCE, scope(model), detail);
              return db.write(c -> force(c, record, reason, ttl));
            });
  }

  private Future<ForcedMode> force(
      SqlConnection c, AuditRecord record, String reason, @Nullable Duration ttl) {
    return audit
        .append(c, record)
        .map(
            entry ->
                new ForcedMode(
                    entry.subject(),
                    reason,
                    entry.actor(),
                    entry.at(),
                    ttl == null ? null : entry.at().plusMillis(ttl.toMillis()),
                    entry.id(),
                    entry.seq()))
        .compose(mode -> upsert(c, mode).map(mode));
  }

  private static Future<Void> upsert(SqlConnection c, ForcedMode mode) {
    return c.preparedQuery(
            "INSERT INTO registry.forced_mode (scope, reason, actor, set_at, expires_at, audit_id)"
                + " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope) DO UPDATE SET"
                + " reason = excluded.reason, actor = excluded.actor, set_at = excluded.set_at,"
                + " expires_at = excluded.expires_at, audit_id = excluded.audit_id")
        .execute(
            Tuple.tuple()
                .addString(mode.scope())
                .addString(mode.reason())
                .addString(mode.actor())
                .addOffsetDateTime(Rows.offset(mode.setAt()))
                .addOffsetDateTime(mode.expiresAt() == null ? null : Rows.offset(mode.expiresAt()))
                .addUUID(mode.auditId()))
        .compose(x -> Database.announce(c, mode.scope() + ":mode"));
  }

  /**
   * Lifts what is in force for exactly this scope; NotFound when nothing is.
   *
   * @param model null for the force over all models, which leaves those over single models
   */
  public Future<AuditEntry> lift(String actor, @Nullable String model, String reason) {
    return Future.succeededFuture()
        .compose(
            v -> {
              Text.require("reason", reason, Text.MAX_REASON);
              AuditRecord record =
                  new AuditRecord(actor, "mode.lift", scope(model), Map.of("reason", reason));
              return db.write(
                  c -> audit.append(c, record).compose(entry -> delete(c, entry).map(entry)));
            });
  }

  private static Future<Void> delete(SqlConnection c, AuditEntry entry) {
    return c.preparedQuery(
            "DELETE FROM registry.forced_mode WHERE scope = $1"
                + " AND (expires_at IS NULL OR expires_at > clock_timestamp())")
        .execute(Tuple.of(entry.subject()))
        .compose(
            rows ->
                rows.rowCount() == 1
                    ? Database.announce(c, entry.subject() + ":mode")
                    : Future.failedFuture(
                        new RegistryException.NotFound(
                            "no mode is forced for " + entry.subject())));
  }

  /**
   * The forced observe that covered a model at a past time, its own before the one over all; read
   * from the audit log.
   */
  public Future<Optional<ForcedMode>> forcedAt(String model, Instant at) {
    return db.read(
        FORCED_AT,
        Tuple.of(model, Rows.offset(at)),
        rows ->
            Rows.list(rows, r -> past(r, at)).stream()
                .flatMap(Optional::stream)
                .max(Comparator.comparing(f -> f.scope().equals(model))));
  }

  private static Optional<ForcedMode> past(Row row, Instant at) {
    if (!row.getString("action").equals(FORCE)) {
      return Optional.empty();
    }
    JsonObject detail = new JsonObject(row.getString("detail"));
    Instant setAt = row.getOffsetDateTime("at").toInstant();
    Long ttlMs = detail.getLong("ttlMs");
    Instant expiresAt = ttlMs == null ? null : setAt.plusMillis(ttlMs);
    return expiresAt != null && !expiresAt.isAfter(at)
        ? Optional.empty()
        : Optional.of(
            new ForcedMode(
                row.getString("subject"),
                detail.getString("reason"),
                row.getString("actor"),
                setAt,
                expiresAt,
                row.getUUID("id"),
                row.getLong("seq")));
  }

  private static String scope(@Nullable String model) {
    return model == null ? ForcedMode.ALL : Names.requireModel(model);
  }

  private static @Nullable Long millis(@Nullable Duration ttl) {
    if (ttl == null) {
      return null;
    }
    if (ttl.toMillis() < 1 || ttl.compareTo(MAX_TTL) > 0) {
      throw new RegistryException.Invalid(
          "ttl of " + ttl + ", expected 1 ms to " + MAX_TTL.toDays() + " days");
    }
    return ttl.toMillis();
  }
}
