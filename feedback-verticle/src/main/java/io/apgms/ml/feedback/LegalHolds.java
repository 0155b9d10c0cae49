package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Holds that keep decisions and labels beyond their retention. */
public final class LegalHolds {
  /** Most holds in force at once. */
  public static final int MAX = 1_000;

  private static final UUID FIRST = new UUID(0, 0);
  private static final UUID LAST = new UUID(-1, -1);

  private LegalHolds() {}

  /**
   * A hold.
   *
   * @param modelId null for every model
   * @param from of decisions and labels that it keeps; null from the beginning
   * @param to before it; null without an end
   */
  public record Hold(
      UUID id,
      @Nullable String modelId,
      @Nullable Instant from,
      @Nullable Instant to,
      String reason,
      String actor,
      Instant setAt) {}

  /**
   * Sets a hold; its audit entry must be of the same transaction.
   *
   * @return its id; Invalid where there are too many
   */
  public static Future<UUID> set(SqlConnection c, Hold hold) {
    return c.query("SELECT count(*) FROM feedback.legal_hold WHERE lifted_at IS NULL")
        .execute()
        .compose(
            rows -> {
              if (rows.iterator().next().getLong(0) >= MAX) {
                throw new FeedbackException.Invalid(MAX + " holds are in force, expected fewer");
              }
              return c.preparedQuery(
                      "INSERT INTO feedback.legal_hold (id, model_id, from_at, to_at, from_id,"
                          + " to_id, reason, actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
                  .execute(
                      Tuple.of(hold.id(), hold.modelId(), utc(hold.from()), utc(hold.to()))
                          .addUUID(hold.from() == null ? FIRST : id(hold.from()))
                          .addUUID(hold.to() == null ? LAST : id(hold.to()))
                          .addString(hold.reason())
                          .addString(hold.actor()));
            })
        .map(hold.id());
  }

  private static UUID id(Instant at) {
    return DecisionRows.firstId(at.toEpochMilli());
  }

  private static @Nullable OffsetDateTime utc(@Nullable Instant at) {
    return at == null ? null : at.atOffset(ZoneOffset.UTC);
  }

  /** Ends a hold that is in force; NotFound where there is none. */
  public static Future<Void> lift(SqlConnection c, UUID id) {
    return c.preparedQuery(
            "UPDATE feedback.legal_hold SET lifted_at = clock_timestamp()"
                + " WHERE id = $1 AND lifted_at IS NULL")
        .execute(Tuple.of(id))
        .map(
            done -> {
              if (done.rowCount() == 0) {
                throw new FeedbackException.NotFound("no hold in force with id " + id);
              }
              return null;
            });
  }

  /** Those in force, the oldest first. */
  public static Future<List<Hold>> list(SqlConnection c) {
    return c.query(
            "SELECT id, model_id, from_at, to_at, reason, actor, set_at FROM feedback.legal_hold"
                + " WHERE lifted_at IS NULL ORDER BY set_at, id LIMIT "
                + MAX)
        .execute()
        .map(LegalHolds::holds);
  }

  private static List<Hold> holds(RowSet<Row> rows) {
    List<Hold> holds = new ArrayList<>();
    for (Row row : rows) {
      holds.add(
          new Hold(
              row.getUUID("id"),
              row.getString("model_id"),
              instant(row.getOffsetDateTime("from_at")),
              instant(row.getOffsetDateTime("to_at")),
              row.getString("reason"),
              row.getString("actor"),
              row.getOffsetDateTime("set_at").toInstant()));
    }
    return holds;
  }

  private static @Nullable Instant instant(@Nullable OffsetDateTime at) {
    return at == null ? null : at.toInstant();
  }
}
