package io.apgms.ml.registry;

import io.apgms.ml.registry.Retraining.Cause;
import io.apgms.ml.registry.Retraining.Dataset;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The requests {@code MLRETRAIN-n}. A model has one that is open: younger than seven days, and not
 * answered by an approval ticket. Another is not made meanwhile, whoever asks, but for a
 * regulator's first. Both is decided under a lock a model, here and once more by a trigger.
 */
public final class Retrainings {
  private static final String LIST =
      "SELECT r.*, (SELECT min(t.id) FROM registry.ticket t WHERE t.model = r.model"
          + " AND t.at > r.at) AS ticket, r.at > clock_timestamp() - interval '7 days' AS young"
          + " FROM registry.retraining r WHERE ($1::text IS NULL OR r.model = $1) AND r.id < $2"
          + " ORDER BY r.id DESC LIMIT $3";

  private static final String PENDING =
      "SELECT * FROM registry.retraining WHERE id = (SELECT registry.pending_retraining($1, $2))";

  private final Database db;
  private final AuditLog audit;

  Retrainings(Database db, AuditLog audit) {
    this.db = db;
    this.audit = audit;
  }

  /**
   * Who asks for what and why.
   *
   * @param alert the rule that fired, and since when; both null where a regulator asks
   */
  public record Asked(
      String model,
      Cause cause,
      @Nullable String alert,
      @Nullable Instant since,
      String reason,
      String actor) {
    public Asked {
      Names.requireModel(model);
      Text.optional("alert", alert, Text.MAX_ID);
      Text.require("reason", reason, Text.MAX_REASON);
      Text.require("actor", actor, Text.MAX_ID);
    }
  }

  /** A request, and whether it was this call that made it. */
  public record Outcome(Retraining retraining, boolean opened) {}

  /**
   * A request in a list.
   *
   * @param answeredBy the first approval ticket of its model after it; null for none
   * @param open whether another one is held back by it
   */
  public record Line(Retraining retraining, @Nullable String answeredBy, boolean open) {}

  /** The request that is open for a cause, if there is one; without waiting for anybody. */
  public Future<Optional<Retraining>> pending(String model, Cause cause) {
    return db.read(
        PENDING, Tuple.of(model, cause.name()), rows -> Rows.first(rows, Retrainings::row));
  }

  /** Makes the request, unless one is open; then that one. */
  public Future<Outcome> open(Asked asked, Dataset dataset) {
    return db.write(
        c ->
            c.preparedQuery("SELECT registry.lock_retraining($1, $2)")
                .execute(Tuple.of(asked.model(), asked.cause().name()))
                .compose(
                    rows -> {
                      Long id = rows.iterator().next().getLong(0);
                      return id == null ? insert(c, asked, dataset) : find(c, id);
                    }));
  }

  private static Future<Outcome> find(SqlConnection c, long id) {
    return c.preparedQuery("SELECT * FROM registry.retraining WHERE id = $1")
        .execute(Tuple.of(id))
        .map(rows -> new Outcome(row(rows.iterator().next()), false));
  }

  private Future<Outcome> insert(SqlConnection c, Asked asked, Dataset dataset) {
    return c.preparedQuery("SELECT nextval(pg_get_serial_sequence('registry.retraining', 'id'))")
        .execute()
        .map(rows -> rows.iterator().next().getLong(0))
        .compose(
            id ->
                audit
                    .append(c, record(id, asked, dataset))
                    .map(entry -> opened(id, asked, dataset, entry)))
        .compose(r -> insert(c, r).map(new Outcome(r, true)));
  }

  private static AuditRecord record(long id, Asked asked, Dataset dataset) {
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("model", asked.model());
    detail.put("cause", asked.cause().name());
    detail.put("alert", asked.alert());
    detail.put("since", asked.since() == null ? null : asked.since().toString());
    detail.put("reason", asked.reason());
    detail.put("datasetFrom", dataset.from().toString());
    detail.put("datasetTo", dataset.to().toString());
    detail.put("datasetRows", dataset.rows());
    detail.put("datasetSha256", dataset.sha256());
    return new AuditRecord(asked.actor(), "retraining.open", Retraining.name(id), detail);
  }

  private static Retraining opened(long id, Asked asked, Dataset dataset, AuditEntry entry) {
    return new Retraining(
        id,
        asked.model(),
        asked.cause(),
        asked.alert(),
        asked.since(),
        asked.reason(),
        dataset,
        asked.actor(),
        entry.at(),
        entry.id());
  }

  private static Future<Void> insert(SqlConnection c, Retraining r) {
    return c.preparedQuery(
            "INSERT INTO registry.retraining (id, model, cause, alert, since, reason, dataset_from,"
                + " dataset_to, dataset_rows, dataset_sha256, actor, at, audit_id)"
                + " OVERRIDING SYSTEM VALUE"
                + " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
        .execute(
            Tuple.tuple()
                .addLong(r.id())
                .addString(r.model())
                .addString(r.cause().name())
                .addString(r.alert())
                .addOffsetDateTime(r.since() == null ? null : Rows.offset(r.since()))
                .addString(r.reason())
                .addOffsetDateTime(Rows.offset(r.dataset().from()))
                .addOffsetDateTime(Rows.offset(r.dataset().to()))
                .addLong(r.dataset().rows())
                .addString(r.dataset().sha256())
                .addString(r.actor())
                .addOffsetDateTime(Rows.offset(r.at()))
                .addUUID(r.auditId()))
        .mapEmpty();
  }

  /** The newest requests before an id, of one model or of all, newest first. */
  public Future<List<Line>> list(@Nullable String model, long before, int limit) {
    return db.read(
        LIST,
        Tuple.of(model, before, limit),
        rows ->
            Rows.list(
                rows,
                r -> {
                  Long ticket = r.getLong("ticket");
                  return new Line(
                      row(r),
                      ticket == null ? null : Ticket.name(ticket),
                      ticket == null && r.getBoolean("young"));
                }));
  }

  private static Retraining row(Row r) {
    OffsetDateTime since = r.getOffsetDateTime("since");
    return new Retraining(
        r.getLong("id"),
        r.getString("model"),
        Cause.valueOf(r.getString("cause")),
        r.getString("alert"),
        since == null ? null : since.toInstant(),
        r.getString("reason"),
        new Dataset(
            r.getOffsetDateTime("dataset_from").toInstant(),
            r.getOffsetDateTime("dataset_to").toInstant(),
            r.getLong("dataset_rows"),
            r.getString("dataset_sha256")),
        r.getString("actor"),
        r.getOffsetDateTime("at").toInstant(),
        r.getUUID("audit_id"));
  }
}
