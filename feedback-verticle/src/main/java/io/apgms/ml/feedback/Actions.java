package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Actions as people look at them, and dead letters driven once more. */
public final class Actions {
  /** Most dead letters of one {@link #redrive}. */
  public static final int MAX_REDRIVE = 10_000;

  static final String COLUMNS =
      ActionSink.EVENT_ID_SQL
          + " AS event_id, d.outbox_id, o.prediction_id, o.kind, d.sink, d.state, d.attempts,"
          + " d.status, d.reason, o.created_at, d.checked_at, d.ended_at";

  private static final String FROM =
      " FROM feedback.action_delivery d JOIN feedback.action_outbox o ON o.id = d.outbox_id";

  private static final String OF_PREDICTION =
      "SELECT o.kind AS of_kind, o.state AS of_state, "
          + COLUMNS
          + " FROM feedback.action_outbox o LEFT JOIN feedback.action_delivery d"
          + " ON d.outbox_id = o.id WHERE o.prediction_id = $1 ORDER BY o.id, d.sink LIMIT 64";

  private static final String REDRIVE =
      "WITH chosen AS MATERIALIZED (SELECT d.outbox_id, d.sink"
          + FROM
          + " WHERE d.state = 'dead' AND ($1::text IS NULL OR d.sink = $1)"
          + " AND ($2::text[] IS NULL OR "
          + ActionSink.EVENT_ID_SQL
          + " = ANY($2)) ORDER BY d.outbox_id, d.sink LIMIT $3 FOR NO KEY UPDATE OF d),"
          + " back AS (UPDATE feedback.action_delivery d SET state = 'pending',"
          + " due_at = clock_timestamp(), give_up_at = clock_timestamp() + $4::bigint * interval '1 ms',"
          + " fence = NULL, leased_until = NULL, ended_at = NULL FROM chosen c"
          + " WHERE d.outbox_id = c.outbox_id AND d.sink = c.sink RETURNING d.outbox_id),"
          + " n AS (SELECT outbox_id, count(*)::int AS n FROM back GROUP BY outbox_id),"
          + " locked AS MATERIALIZED (SELECT o.id FROM feedback.action_outbox o"
          + " JOIN n ON n.outbox_id = o.id ORDER BY o.id FOR NO KEY UPDATE OF o),"
          + " reopened AS (UPDATE feedback.action_outbox o SET open = o.open + n.n,"
          + " state = 'pending', worst = coalesce((SELECT max(CASE x.state WHEN 'dead' THEN 2"
          + " WHEN 'cancelled' THEN 1 ELSE 0 END) FROM feedback.action_delivery x"
          + " WHERE x.outbox_id = o.id AND NOT EXISTS (SELECT 1 FROM chosen c"
          + " WHERE c.outbox_id = x.outbox_id AND c.sink = x.sink)), 0)"
          + " FROM locked l JOIN n ON n.outbox_id = l.id WHERE o.id = l.id)"
          + " SELECT count(*) FROM back";

  private final Database db;

  Actions(Database db) {
    this.db = db;
  }

  /** A state to list; the words of the wire. */
  public enum State {
    pending,
    sent,
    cancelled,
    dead
  }

  /** Deliveries in that state, newest action first. */
  public Future<Page<ActionView>> list(
      State state, @Nullable String sink, int limit, @Nullable String cursor) {
    Filter filter =
        new Filter()
            .and("d.sink = ?", sink)
            .and(
                "(d.outbox_id, d.sink) < (split_part(?, ' ', 1)::bigint, split_part(?, ' ', 2))",
                cursor == null ? null : after(cursor));
    String sql =
        "SELECT "
            + COLUMNS
            + FROM
            + filter.where()
            + " AND d.state = '"
            + state.name()
            + "' ORDER BY d.outbox_id DESC, d.sink DESC LIMIT "
            + (limit + 1);
    return db.read(sql, filter.values()).map(rows -> page(rows, limit));
  }

  /** Where a page ended: the outbox row's number and the sink, with a space between. */
  private static String after(String cursor) {
    try {
      String text = new String(Base64.getUrlDecoder().decode(cursor), StandardCharsets.UTF_8);
      if (text.matches("[0-9]{1,18} [0-9a-zA-Z.:_-]{1,300}")) {
        return text;
      }
    } catch (IllegalArgumentException e) {
      // refused below
    }
    throw new FeedbackException.Invalid("cursor is not one of this listing, expected nextCursor");
  }

  private static Page<ActionView> page(RowSet<Row> rows, int limit) {
    List<ActionView> items = new ArrayList<>();
    String last = null;
    for (Row row : rows) {
      if (items.size() == limit) {
        return new Page<>(items, last == null ? null : cursor(last));
      }
      items.add(view(row));
      last = row.getLong("outbox_id") + " " + row.getString("sink");
    }
    return new Page<>(items, null);
  }

  private static String cursor(String last) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(last.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * The actions of a prediction.
   *
   * @param holdState of its hold over all sinks; null where there is none
   */
  record OfPrediction(@Nullable String holdState, List<ActionView> views) {}

  Future<OfPrediction> of(UUID prediction) {
    return db.read(OF_PREDICTION, Tuple.of(prediction))
        .map(
            rows -> {
              String hold = null;
              List<ActionView> views = new ArrayList<>();
              for (Row row : rows) {
                if (row.getString("of_kind").equals(Delivery.HOLD)) {
                  hold = row.getString("of_state");
                }
                if (row.getString("sink") != null) {
                  views.add(view(row));
                }
              }
              return new OfPrediction(hold, views);
            });
  }

  private static ActionView view(Row row) {
    return new ActionView(
        row.getString("event_id"),
        row.getUUID("prediction_id"),
        row.getString("kind"),
        row.getString("sink"),
        row.getString("state"),
        row.getInteger("attempts"),
        row.getInteger("status"),
        row.getString("reason"),
        row.getOffsetDateTime("created_at").toInstant(),
        instant(row.getOffsetDateTime("checked_at")),
        instant(row.getOffsetDateTime("ended_at")));
  }

  private static @Nullable Instant instant(@Nullable OffsetDateTime at) {
    return at == null ? null : at.toInstant();
  }

  /**
   * Makes dead letters due again, for 24 hours more and under their old event ids; how many.
   *
   * @param c in a transaction that also says who asked for it
   * @param sink null for every sink
   * @param eventIds null for all
   */
  public static Future<Long> redrive(
      SqlConnection c, @Nullable String sink, @Nullable List<String> eventIds) {
    return c.preparedQuery(REDRIVE)
        .execute(
            Tuple.tuple()
                .addString(sink)
                .addArrayOfString(eventIds == null ? null : eventIds.toArray(String[]::new))
                .addInteger(MAX_REDRIVE)
                .addLong(RetryPolicy.GIVE_UP_MS))
        .map(rows -> rows.iterator().next().getLong(0));
  }
}
