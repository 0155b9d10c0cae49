package io.apgms.ml.registry;

import io.apgms.ml.registry.DrillResult.Outcome;
import io.apgms.ml.registry.DrillResult.Times;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Rehearsals of rollbacks: an audit row for each, and how many came to what, by model. */
public final class Drills {
  private static final int MAX_TALLIES = 10_000;

  private static final String COUNT =
      "INSERT INTO registry.rollback_drill AS d"
          + " (model, outcome, runs, last_at, warm_seconds, disk_seconds, audit_id)"
          + " VALUES ($1, $2, 1, $3, $4, $5, $6) ON CONFLICT (model, outcome) DO UPDATE SET"
          + " runs = d.runs + 1, last_at = excluded.last_at, warm_seconds = excluded.warm_seconds,"
          + " disk_seconds = excluded.disk_seconds, audit_id = excluded.audit_id";

  private static final String ALL =
      "SELECT model, outcome, runs, last_at, warm_seconds, disk_seconds"
          + " FROM registry.rollback_drill ORDER BY model, outcome LIMIT "
          + MAX_TALLIES;

  private final Database db;
  private final AuditLog audit;

  Drills(Database db, AuditLog audit) {
    this.db = db;
    this.audit = audit;
  }

  /**
   * Rehearsals of a model that came to the same.
   *
   * @param runs how many there were
   * @param lastAt the newest, by the database's clock
   * @param times of the newest; null unless they passed
   */
  public record Tally(
      String model, Outcome outcome, long runs, Instant lastAt, @Nullable Times times) {}

  /** Stores one; its audit entry. */
  public Future<AuditEntry> record(DrillResult result, String actor) {
    return db.write(
        c ->
            audit
                .append(
                    c,
                    new AuditRecord(actor, "rollback-drill", result.model(), result.auditDetail()))
                .compose(entry -> c.preparedQuery(COUNT).execute(tuple(result, entry)).map(entry)));
  }

  private static Tuple tuple(DrillResult result, AuditEntry entry) {
    Times times = result.times();
    return Tuple.of(
        result.model(),
        result.outcome().wire(),
        Rows.offset(entry.at()),
        times == null ? null : times.warmSeconds(),
        times == null ? null : times.diskSeconds(),
        entry.id());
  }

  /** All there were, by model; outcomes that a later release knows are left out. */
  public Future<List<Tally>> all() {
    return db.read(
        ALL,
        Tuple.tuple(),
        rows -> Rows.list(rows, Drills::tally).stream().flatMap(Optional::stream).toList());
  }

  private static Optional<Tally> tally(Row r) {
    Double warm = r.getDouble("warm_seconds");
    Times times = warm == null ? null : new Times(warm, r.getDouble("disk_seconds"));
    return Outcome.of(r.getString("outcome"))
        .map(
            outcome ->
                new Tally(
                    r.getString("model"),
                    outcome,
                    r.getLong("runs"),
                    r.getOffsetDateTime("last_at").toInstant(),
                    times));
  }
}
