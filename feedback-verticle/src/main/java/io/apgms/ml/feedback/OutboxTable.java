package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The dispatcher's statements, each one transaction over many rows. Times are the database's.
 *
 * <p>A delivery is claimed under a lease and a fence number; a mark under another number than the
 * last is refused. A later action of an order key is not claimed at a sink while an earlier one is
 * pending there. Deliveries are locked before outbox rows, those in the order of their ids.
 */
final class OutboxTable {
  /** Longer than looking up, connecting and an answer together. */
  static final long LEASE_MS = 20_000;

  private static final int FAN_OUT = 512;
  private static final int EXPIRE = 512;

  /**
   * How long a delivery waits for each one before it, of which so many are counted. The end of the
   * last one wakes it; a claim at that very moment may undo that, and so it waits no longer.
   */
  private static final long BEHIND_MS = 200;

  private static final int MAX_BEHIND = 50;

  /** Fan-outs go one after another, in the order of ids: so no later action is seen first. */
  private static final String FAN_OUT_SQL =
      "WITH turn AS MATERIALIZED"
          + " (SELECT pg_try_advisory_xact_lock(hashtext('feedback.fan_out')) AS mine),"
          + " fresh AS MATERIALIZED (SELECT o.id, o.prediction_id, o.created_at"
          + " FROM turn, feedback.action_outbox o WHERE turn.mine AND NOT o.fanned ORDER BY o.id"
          + " LIMIT $2 FOR NO KEY UPDATE OF o),"
          + " made AS (INSERT INTO feedback.action_delivery (outbox_id, sink, order_key, give_up_at)"
          + " SELECT f.id, s.sink,"
          + " hashtextextended(coalesce(d.entity_id, f.prediction_id::text), 0),"
          + " f.created_at + $3::bigint * interval '1 ms' FROM fresh f"
          + " LEFT JOIN feedback.decision d ON d.id = f.prediction_id"
          + " CROSS JOIN unnest($1::text[]) AS s(sink))"
          + " UPDATE feedback.action_outbox o SET fanned = true, open = cardinality($1::text[])"
          + " FROM fresh f WHERE o.id = f.id";

  private static final String CLAIM =
      "WITH due AS MATERIALIZED (SELECT c.* FROM unnest($1::text[], $2::int[]) AS s(sink, n)"
          + " CROSS JOIN LATERAL (SELECT d.outbox_id, d.sink, (SELECT count(*) FROM (SELECT"
          + " FROM feedback.action_delivery e WHERE e.sink = d.sink"
          + " AND e.order_key = d.order_key AND e.state = 'pending'"
          + " AND e.outbox_id < d.outbox_id LIMIT $5) x) AS behind"
          + " FROM feedback.action_delivery d WHERE d.sink = s.sink AND d.state = 'pending'"
          + " AND d.due_at <= clock_timestamp() AND d.give_up_at > clock_timestamp()"
          + " ORDER BY d.due_at LIMIT s.n FOR NO KEY UPDATE OF d SKIP LOCKED) c),"
          + " taken AS (UPDATE feedback.action_delivery d SET"
          + " due_at = clock_timestamp()"
          + " + CASE WHEN u.behind > 0 THEN u.behind * $4::bigint ELSE $3::bigint END * interval '1 ms',"
          + " leased_until = CASE WHEN u.behind > 0 THEN NULL"
          + " ELSE clock_timestamp() + $3::bigint * interval '1 ms' END,"
          + " fence = CASE WHEN u.behind > 0 THEN d.fence"
          + " ELSE nextval('feedback.action_fence') END,"
          // a claim that was never marked may have been sent
          + " attempts = d.attempts + (d.leased_until IS NOT NULL)::int"
          + " FROM due u WHERE d.outbox_id = u.outbox_id AND d.sink = u.sink"
          + " RETURNING d.*, u.behind)"
          + " SELECT t.outbox_id, t.sink, t.fence, t.attempts, t.behind,"
          + " (extract(epoch FROM t.give_up_at - clock_timestamp()) * 1000)::bigint AS left_ms,"
          + " o.kind, o.prediction_id, o.created_at, o.tenant, o.traceparent,"
          + " o.kind = 'hold' AND EXISTS (SELECT 1 FROM feedback.action_outbox r"
          + " WHERE r.prediction_id = o.prediction_id AND r.kind = 'release') AS withdrawn, "
          + DecisionRows.COLUMNS
          + " FROM taken t JOIN feedback.action_outbox o ON o.id = t.outbox_id"
          + " LEFT JOIN feedback.decision d ON d.id = o.prediction_id"
          + " ORDER BY t.outbox_id";

  /** What holds a paused replica's late mark off. */
  static final String FENCED = " AND d.fence = g.fence";

  static final String MARK =
      "WITH marked AS (UPDATE feedback.action_delivery d SET state = g.state, leased_until = NULL,"
          + " attempts = d.attempts + g.tries, status = g.status, reason = g.reason,"
          + " checked_at = coalesce(g.checked_at, d.checked_at), due_at = CASE g.state"
          + " WHEN 'pending' THEN clock_timestamp() + g.delay_ms * interval '1 ms'"
          + " ELSE d.due_at END,"
          + " ended_at = CASE g.state WHEN 'pending' THEN NULL ELSE clock_timestamp() END"
          + " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[],"
          + " $6::int[], $7::int[], $8::text[], $9::timestamptz[]) AS g(outbox_id, sink, fence,"
          + " state, delay_ms, tries, status, reason, checked_at)"
          + " WHERE d.outbox_id = g.outbox_id AND d.sink = g.sink AND d.state = 'pending'"
          + FENCED
          + " RETURNING d.outbox_id, d.sink, d.order_key, d.state)"
          + ended()
          + " SELECT outbox_id, sink, state FROM marked";

  private static final String EXPIRE_SQL =
      "WITH late AS MATERIALIZED (SELECT d.outbox_id, d.sink FROM feedback.action_delivery d"
          + " WHERE d.state = 'pending' AND d.give_up_at <= clock_timestamp()"
          + " AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp())"
          + " ORDER BY d.give_up_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED),"
          + " marked AS (UPDATE feedback.action_delivery d SET state = 'dead', leased_until = NULL,"
          + " reason = coalesce(d.reason || ', ', '') || 'given up after 24 h',"
          + " ended_at = clock_timestamp() FROM late l"
          + " WHERE d.outbox_id = l.outbox_id AND d.sink = l.sink"
          + " RETURNING d.outbox_id, d.sink, d.order_key, d.state)"
          + ended()
          + " SELECT outbox_id, sink, state FROM marked";

  private static final String GAUGES =
      "SELECT (SELECT count(*) FROM (SELECT 1 FROM feedback.action_delivery"
          + " WHERE state = 'dead' LIMIT 1000000) d) AS dead,"
          + " coalesce(extract(epoch FROM clock_timestamp() - (SELECT o.created_at"
          + " FROM feedback.action_outbox o WHERE o.state = 'pending' ORDER BY o.id LIMIT 1)), 0)"
          + "::float8 AS oldest";

  private final Database db;
  private final long leaseMs;

  OutboxTable(Database db) {
    this(db, LEASE_MS);
  }

  OutboxTable(Database db, long leaseMs) {
    this.db = db;
    this.leaseMs = leaseMs;
  }

  /**
   * The common end of statements over deliveries, after a part {@code marked (outbox_id, sink,
   * order_key, state)}: what ended is taken off its outbox row, whose state is that of the worst;
   * what waited behind it is due.
   */
  static String ended() {
    return ", ended AS (SELECT outbox_id, count(*)::int AS n, max(CASE state WHEN 'dead' THEN 2"
        + " WHEN 'cancelled' THEN 1 ELSE 0 END)::smallint AS worst FROM marked"
        + " WHERE state <> 'pending' GROUP BY outbox_id),"
        + " locked AS MATERIALIZED (SELECT o.id FROM feedback.action_outbox o"
        + " JOIN ended e ON e.outbox_id = o.id ORDER BY o.id FOR NO KEY UPDATE OF o),"
        + " rolled AS (UPDATE feedback.action_outbox o SET open = o.open - e.n,"
        + " worst = greatest(o.worst, e.worst), state = CASE WHEN o.open > e.n THEN 'pending'"
        + " ELSE (ARRAY['sent', 'cancelled', 'dead'])[greatest(o.worst, e.worst) + 1] END"
        + " FROM locked l JOIN ended e ON e.outbox_id = l.id WHERE o.id = l.id),"
        + " next AS MATERIALIZED (SELECT w.sink, w.outbox_id FROM (SELECT m.sink, m.order_key,"
        + " max(m.outbox_id) AS last FROM marked m WHERE m.state <> 'pending'"
        + " GROUP BY m.sink, m.order_key) k CROSS JOIN LATERAL (SELECT v.sink, v.outbox_id FROM"
        + " feedback.action_delivery v WHERE v.sink = k.sink AND v.order_key = k.order_key"
        + " AND v.state = 'pending' AND v.outbox_id > k.last ORDER BY v.outbox_id LIMIT 1) w),"
        + " woken AS (UPDATE feedback.action_delivery n SET due_at = clock_timestamp()"
        + " FROM next x WHERE n.outbox_id = x.outbox_id"
        + " AND n.sink = x.sink AND n.state = 'pending' AND n.leased_until IS NULL"
        + " AND n.due_at > clock_timestamp())";
  }

  /** Gives actions that have none a delivery for each sink; how many there were. */
  Future<Integer> fanOut(List<ActionSink> sinks) {
    String[] ids = sinks.stream().map(ActionSink::id).toArray(String[]::new);
    return db.read(
            FAN_OUT_SQL,
            Tuple.tuple().addArrayOfString(ids).addInteger(FAN_OUT).addLong(RetryPolicy.GIVE_UP_MS))
        .map(RowSet::rowCount);
  }

  /**
   * What was claimed.
   *
   * @param looked rows per sink that were looked at: claimed, or found behind another one
   */
  record Claim(List<Delivery> deliveries, Map<String, Integer> looked) {}

  /**
   * Claims what is due.
   *
   * @param wanted how many by sink
   * @param nowNanos monotonic, of this moment
   */
  Future<Claim> claim(Map<String, Integer> wanted, long nowNanos) {
    return db.read(
            CLAIM,
            Tuple.tuple()
                .addArrayOfString(wanted.keySet().toArray(String[]::new))
                .addArrayOfInteger(wanted.values().toArray(Integer[]::new))
                .addLong(leaseMs)
                .addLong(BEHIND_MS)
                .addInteger(MAX_BEHIND))
        .map(rows -> claimed(rows, nowNanos));
  }

  private static Claim claimed(RowSet<Row> rows, long nowNanos) {
    List<Delivery> deliveries = new ArrayList<>(rows.size());
    Map<String, Integer> looked = new HashMap<>();
    for (Row row : rows) {
      looked.merge(row.getString("sink"), 1, Integer::sum);
      if (row.getLong("behind") == 0) {
        deliveries.add(delivery(row, nowNanos));
      }
    }
    return new Claim(deliveries, looked);
  }

  private static Delivery delivery(Row row, long nowNanos) {
    return new Delivery(
        row.getLong("outbox_id"),
        row.getString("sink"),
        row.getLong("fence"),
        nowNanos,
        row.getInteger("attempts"),
        row.getLong("left_ms"),
        row.getString("kind"),
        row.getUUID("prediction_id"),
        row.getOffsetDateTime("created_at").toInstant(),
        row.getString("tenant"),
        row.getBoolean("withdrawn"),
        row.getString("traceparent"),
        row.getUUID("id") == null ? null : DecisionRows.decision(row));
  }

  /** What is to be stored of an attempt. */
  record Mark(Delivery delivery, SendResult result, RetryPolicy.Next next) {}

  /** Whether there is time for a whole attempt before somebody else may claim it. */
  boolean leased(Delivery d, long nowNanos, long boundMs) {
    return nowNanos - d.claimedNanos() < TimeUnit.MILLISECONDS.toNanos(leaseMs - boundMs);
  }

  /** A delivery's key. */
  record Key(long outboxId, String sink) {
    static Key of(Delivery d) {
      return new Key(d.outboxId(), d.sink());
    }
  }

  /** Stores them; those that were taken. The others had been claimed anew, or had ended. */
  Future<Set<Key>> mark(List<Mark> marks) {
    return mark(MARK, marks);
  }

  Future<Set<Key>> mark(String sql, List<Mark> marks) {
    return db.read(sql, tuple(marks)).map(OutboxTable::keys);
  }

  /** Gives up what is 24 hours old; how many there were. */
  Future<Integer> expire() {
    return db.read(EXPIRE_SQL, Tuple.of(EXPIRE)).map(RowSet::size);
  }

  /** Dead letters, and the age of the oldest action that waits, in seconds. */
  record Gauges(long dead, double oldestSeconds) {}

  Future<Gauges> gauges() {
    return db.read(GAUGES, Tuple.tuple())
        .map(rows -> rows.iterator().next())
        .map(row -> new Gauges(row.getLong("dead"), row.getDouble("oldest")));
  }

  private static Set<Key> keys(RowSet<Row> rows) {
    Set<Key> keys = new HashSet<>();
    rows.forEach(row -> keys.add(new Key(row.getLong("outbox_id"), row.getString("sink"))));
    return keys;
  }

  private static Tuple tuple(List<Mark> marks) {
    return Tuple.tuple()
        .addArrayOfLong(marks.stream().map(m -> m.delivery().outboxId()).toArray(Long[]::new))
        .addArrayOfString(marks.stream().map(m -> m.delivery().sink()).toArray(String[]::new))
        .addArrayOfLong(marks.stream().map(m -> m.delivery().fence()).toArray(Long[]::new))
        .addArrayOfString(marks.stream().map(m -> m.next().state()).toArray(String[]::new))
        .addArrayOfLong(marks.stream().map(m -> m.next().delayMs()).toArray(Long[]::new))
        .addArrayOfInteger(
            marks.stream().map(m -> m.result().started() ? 1 : 0).toArray(Integer[]::new))
        .addArrayOfInteger(
            marks.stream()
                .map(m -> m.result().status() == 0 ? null : m.result().status())
                .toArray(Integer[]::new))
        .addArrayOfString(marks.stream().map(m -> m.result().reason()).toArray(String[]::new))
        .addArrayOfOffsetDateTime(
            marks.stream()
                .map(
                    m ->
                        m.result().checkedAt() == null
                            ? null
                            : m.result().checkedAt().atOffset(ZoneOffset.UTC))
                .toArray(OffsetDateTime[]::new));
  }
}
