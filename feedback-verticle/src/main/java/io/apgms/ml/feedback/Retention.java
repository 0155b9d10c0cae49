package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Removes what is older than eighteen months, a bounded piece a transaction: a week of decisions by
 * dropping its partition, once all of that week is past; request ids, labels, batches, outbox rows,
 * pairs of trials and notes of exports by their age. A legal hold keeps what it names.
 *
 * <p>Each piece is written into the caller's log first, in the same transaction. The clock is the
 * database's.
 */
public final class Retention {
  /** Rows deleted in one transaction. */
  static final int MAX_ROWS = 5_000;

  private static final String ONE_AT_A_TIME =
      "SELECT pg_try_advisory_xact_lock(hashtext('feedback.retention'))";

  private static final String EDGE =
      "SELECT (coalesce($1, clock_timestamp()) AT TIME ZONE 'UTC' - interval '18 months')"
          + " AT TIME ZONE 'UTC'";

  private static final String PARTITIONS =
      "SELECT c.relname, greatest(c.reltuples, 0)::bigint AS rows FROM pg_inherits i"
          + " JOIN pg_class c ON c.oid = i.inhrelid"
          + " WHERE i.inhparent = 'feedback.decision'::regclass ORDER BY c.relname";

  /** Holds whose time meets [$1, $2). */
  private static final String HOLDS =
      "SELECT id, model_id FROM feedback.legal_hold WHERE lifted_at IS NULL"
          + " AND coalesce(from_at, '-infinity') < $2 AND coalesce(to_at, 'infinity') > $1"
          + " ORDER BY set_at";

  /** What no hold names, of rows with a model, a time of their own and a prediction. */
  private static final String UNHELD =
      " AND NOT EXISTS (SELECT 1 FROM feedback.legal_hold h WHERE h.lifted_at IS NULL"
          + " AND (h.model_id IS NULL OR h.model_id = f.model_id)"
          + " AND (f.id BETWEEN h.from_id AND h.to_id"
          + "  OR f.prediction_id BETWEEN h.from_id AND h.to_id))";

  private static final String LABELS =
      "DELETE FROM feedback.model_feedback WHERE id IN (SELECT f.id FROM feedback.model_feedback f"
          + " WHERE f.id < $1"
          + UNHELD
          + " ORDER BY f.id LIMIT "
          + MAX_ROWS
          + ")";

  private static final String STRAYS =
      "DELETE FROM feedback.decision_default WHERE id IN (SELECT f.id"
          + " FROM (SELECT id, model_id, id AS prediction_id FROM feedback.decision_default) f"
          + " WHERE f.id < $1"
          + UNHELD
          + " ORDER BY f.id LIMIT "
          + MAX_ROWS
          + ")";

  private static final String PAIRS =
      "DELETE FROM feedback.trial_pair WHERE prediction_id IN (SELECT f.id"
          + " FROM (SELECT prediction_id AS id, model_id, prediction_id FROM feedback.trial_pair) f"
          + " WHERE f.id < $1"
          + UNHELD
          + " ORDER BY f.id LIMIT "
          + MAX_ROWS
          + ")";

  private static final String SUMS =
      "DELETE FROM feedback.trial_sum WHERE (trial, replica) IN (SELECT trial, replica"
          + " FROM feedback.trial_sum WHERE at < $1 LIMIT "
          + MAX_ROWS
          + ")";

  /** Whole seals only: the proofs of what stays need all batches of theirs. */
  private static final String BATCHES =
      "DELETE FROM feedback.decision_batch WHERE id IN (SELECT b.id FROM feedback.decision_batch b"
          + " WHERE b.at < $1 AND NOT EXISTS (SELECT 1 FROM feedback.decision_batch later"
          + "  WHERE later.seal = b.seal AND later.at >= $1) ORDER BY b.id LIMIT "
          + MAX_ROWS
          + ")";

  private static final String OUTBOX =
      "DELETE FROM feedback.action_outbox WHERE id IN (SELECT id FROM feedback.action_outbox"
          + " WHERE prediction_id < $1 LIMIT "
          + MAX_ROWS
          + ")";

  private static final String REDACTED =
      "DELETE FROM feedback.redaction_leaf WHERE prediction_id IN (SELECT prediction_id"
          + " FROM feedback.redaction_leaf l WHERE prediction_id < $1 AND NOT EXISTS (SELECT 1"
          + " FROM feedback.redaction_leaf o WHERE o.redaction = l.redaction"
          + " AND o.prediction_id >= $1) LIMIT "
          + MAX_ROWS
          + ")";

  private static final String EXPORTS =
      "DELETE FROM feedback.export WHERE id IN (SELECT id FROM feedback.export WHERE to_id < $1"
          + " LIMIT "
          + MAX_ROWS
          + ")";

  private static final String DRIFT =
      "DELETE FROM feedback.feature_drift WHERE (day, model_id, model_version, feature) IN"
          + " (SELECT day, model_id, model_version, feature FROM feedback.feature_drift"
          + " WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date LIMIT "
          + MAX_ROWS
          + ")";

  private Retention() {}

  /**
   * A piece that is removed.
   *
   * @param what {@code decisions}, {@code requests}, {@code labels}, {@code batches}, …
   * @param subject of the log's entry: the partition, or the table
   * @param detail of it
   */
  public record Piece(String what, String subject, Map<String, Object> detail) {}

  /**
   * Removes the next piece; empty when nothing is left to remove or another replica is at it.
   *
   * @param c in a transaction, rolled back when this fails
   * @param now the time to go by; null for the database's own
   * @param append writes the piece into the log, before it is removed
   */
  public static Future<Optional<Piece>> next(
      SqlConnection c, @Nullable Instant now, Function<Piece, Future<?>> append) {
    return c.query(ONE_AT_A_TIME)
        .execute()
        .compose(
            got ->
                got.iterator().next().getBoolean(0)
                    ? c.preparedQuery(EDGE)
                        .execute(Tuple.of(now == null ? null : now.atOffset(ZoneOffset.UTC)))
                        .map(rows -> rows.iterator().next().getOffsetDateTime(0).toInstant())
                        .compose(edge -> new Round(c, edge, append).next())
                    : Future.succeededFuture(Optional.empty()));
  }

  /** One transaction. */
  private record Round(SqlConnection c, Instant edge, Function<Piece, Future<?>> append) {

    Future<Optional<Piece>> next() {
      return c.query(PARTITIONS)
          .execute()
          .compose(this::oldest)
          .compose(week -> week.isPresent() ? drop(week.get()).map(Optional::of) : rest());
    }

    /** The first week that is past and that no hold keeps. */
    private Future<Optional<Week>> oldest(RowSet<Row> partitions) {
      Future<Optional<Week>> found = Future.succeededFuture(Optional.empty());
      for (Row row : partitions) {
        Optional<Partitions.Span> span = Partitions.span(row.getString("relname"));
        if (span.isPresent() && !span.get().to().isAfter(edge)) {
          Week week = new Week(row.getString("relname"), span.get(), row.getLong("rows"));
          found =
              found.compose(
                  before ->
                      before.isPresent()
                          ? Future.succeededFuture(before)
                          : held(week).map(held -> held ? Optional.empty() : Optional.of(week)));
        }
      }
      return found;
    }

    private Future<Boolean> held(Week week) {
      return c.preparedQuery(HOLDS)
          .execute(
              Tuple.of(
                  week.span().from().atOffset(ZoneOffset.UTC),
                  week.span().to().atOffset(ZoneOffset.UTC)))
          .compose(
              holds -> {
                Future<Boolean> held = Future.succeededFuture(false);
                for (Row hold : holds) {
                  String model = hold.getString("model_id");
                  held =
                      held.compose(
                          yes ->
                              yes || model == null
                                  ? Future.succeededFuture(true)
                                  : holdsRowsOf(week, model));
                }
                return held;
              });
    }

    private Future<Boolean> holdsRowsOf(Week week, String model) {
      return c.preparedQuery(
              "SELECT EXISTS (SELECT 1 FROM feedback." + week.name() + " WHERE model_id = $1)")
          .execute(Tuple.of(model))
          .map(rows -> rows.iterator().next().getBoolean(0));
    }

    /** The week's request ids first, in bounded pieces; then the week itself. */
    private Future<Piece> drop(Week week) {
      String ids =
          " FROM feedback."
              + week.name()
              + " d JOIN feedback.request r ON r.request_id = d.request_id"
              + " WHERE d.request_id IS NOT NULL LIMIT "
              + MAX_ROWS;
      return c.query("SELECT count(*) FROM (SELECT 1" + ids + ") few")
          .execute()
          .map(rows -> rows.iterator().next().getLong(0))
          .compose(
              requests ->
                  requests > 0
                      ? removed(
                          new Piece("requests", week.name(), Map.of("rows", requests)),
                          "DELETE FROM feedback.request WHERE request_id IN"
                              + " (SELECT r.request_id"
                              + ids
                              + ")")
                      : removed(
                          new Piece(
                              "decisions",
                              week.name(),
                              Map.of(
                                  "from", week.span().from().toString(),
                                  "to", week.span().to().toString(),
                                  "rowsEstimated", week.rows())),
                          "DROP TABLE feedback." + week.name()));
    }

    private Future<Piece> removed(Piece piece, String sql) {
      return append.apply(piece).compose(v -> c.query(sql).execute()).map(v -> piece);
    }

    /** Labels, strays of the default partition, batches, outbox rows, notes of exports, drift. */
    private Future<Optional<Piece>> rest() {
      UUID first = DecisionRows.firstId(edge.toEpochMilli());
      return c.query("SELECT id FROM feedback.decision ORDER BY id LIMIT 1")
          .execute()
          .map(rows -> rows.size() == 0 ? first : rows.iterator().next().getUUID(0))
          .compose(
              oldest -> {
                UUID gone = oldest.compareTo(first) < 0 ? oldest : first;
                Instant at = Instant.ofEpochMilli(Decision.ms(gone));
                Instant batches = at.minusSeconds(86_400); // the clocks that made ids may be ahead
                return piece("labels", LABELS, first)
                    .compose(done -> or(done, () -> piece("strays", STRAYS, first)))
                    .compose(
                        done ->
                            or(
                                done,
                                () -> piece("batches", BATCHES, batches.atOffset(ZoneOffset.UTC))))
                    .compose(done -> or(done, () -> piece("outbox", OUTBOX, gone)))
                    .compose(done -> or(done, () -> piece("redacted", REDACTED, gone)))
                    .compose(done -> or(done, () -> piece("exports", EXPORTS, first)))
                    .compose(
                        done ->
                            or(done, () -> piece("drift", DRIFT, edge.atOffset(ZoneOffset.UTC))))
                    .compose(done -> or(done, () -> piece("pairs", PAIRS, first)))
                    .compose(
                        done -> or(done, () -> piece("sums", SUMS, edge.atOffset(ZoneOffset.UTC))));
              });
    }

    private static Future<Optional<Piece>> or(
        Optional<Piece> done, Supplier<Future<Optional<Piece>>> next) {
      return done.isPresent() ? Future.succeededFuture(done) : next.get();
    }

    /** Counted by the statement itself; the transaction makes entry and effect one. */
    private Future<Optional<Piece>> piece(String what, String sql, Object before) {
      return c.preparedQuery(sql)
          .execute(Tuple.of(before))
          .map(RowSet::rowCount)
          .compose(
              rows -> {
                if (rows == 0) {
                  return Future.succeededFuture(Optional.<Piece>empty());
                }
                Piece piece =
                    new Piece(what, what, Map.of("before", edge.toString(), "rows", rows));
                return append.apply(piece).map(v -> Optional.of(piece));
              });
    }
  }

  private record Week(String name, Partitions.Span span, long rows) {}
}
