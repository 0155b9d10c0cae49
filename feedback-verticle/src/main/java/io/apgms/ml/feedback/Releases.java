package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.UUID;

/**
 * What a label FALSE_POSITIVE does to holds, in the label's transaction: one that no sink can have
 * seen is cancelled; where a sink was sent it, or may have been, a release follows it there.
 */
final class Releases {
  static final String REASON = "label FALSE_POSITIVE";

  private static final String COUNTS =
      "SELECT f.id FROM unnest($1::uuid[]) AS f(id) WHERE (SELECT l.label"
          + " FROM feedback.model_feedback l WHERE l.prediction_id = f.id"
          + " ORDER BY l.observed_at DESC, l.id DESC LIMIT 1) = 'FALSE_POSITIVE'";

  /** Of holds that no dispatcher has seen yet. */
  private static final String CANCEL_UNSEEN =
      "UPDATE feedback.action_outbox SET state = 'cancelled', fanned = true, worst = 1"
          + " WHERE kind = 'hold' AND NOT fanned AND prediction_id IN ("
          + COUNTS
          + ")";

  /** What is under way at this moment is left to end: its release waits behind it. */
  private static final String RELEASE =
      "WITH hold AS MATERIALIZED (SELECT o.id, o.prediction_id, o.tenant, o.traceparent"
          + " FROM feedback.action_outbox o WHERE o.kind = 'hold' AND o.fanned AND o.prediction_id"
          + " IN ("
          + COUNTS
          + ")),"
          + " mine AS MATERIALIZED (SELECT d.*, h.prediction_id, h.tenant, h.traceparent,"
          + " d.state = 'sent' OR d.attempts > 0 OR d.leased_until IS NOT NULL AS seen"
          + " FROM feedback.action_delivery d JOIN hold h ON h.id = d.outbox_id"
          + " ORDER BY d.outbox_id, d.sink FOR NO KEY UPDATE OF d),"
          + " marked AS (UPDATE feedback.action_delivery d SET state = 'cancelled',"
          + " leased_until = NULL, reason = '"
          + REASON
          + "', ended_at = clock_timestamp() FROM mine m"
          + " WHERE d.outbox_id = m.outbox_id AND d.sink = m.sink AND m.state = 'pending'"
          + " AND (m.leased_until IS NULL OR m.leased_until < clock_timestamp())"
          + " RETURNING d.outbox_id, d.sink, d.order_key, d.state)"
          + OutboxTable.ended()
          + ", released AS (INSERT INTO feedback.action_outbox"
          + " (prediction_id, kind, tenant, traceparent, fanned, open)"
          + " SELECT prediction_id, 'release', tenant, traceparent, true, count(*) FROM mine"
          + " WHERE seen GROUP BY prediction_id, tenant, traceparent"
          + " ON CONFLICT (prediction_id, kind) DO NOTHING"
          + " RETURNING id, prediction_id)"
          + " INSERT INTO feedback.action_delivery (outbox_id, sink, order_key, give_up_at)"
          + " SELECT r.id, m.sink, m.order_key, clock_timestamp() + $2::bigint * interval '1 ms'"
          + " FROM released r JOIN mine m ON m.prediction_id = r.prediction_id WHERE m.seen";

  private Releases() {}

  /**
   * To be called after labels of these predictions were inserted, in their transaction. Only where
   * the label that counts, the newest by observedAt, is FALSE_POSITIVE anything happens.
   */
  static Future<Void> after(SqlConnection c, UUID... predictions) {
    return c.preparedQuery(CANCEL_UNSEEN)
        .execute(Tuple.tuple().addArrayOfUUID(predictions))
        .compose(
            done ->
                c.preparedQuery(RELEASE)
                    .execute(
                        Tuple.tuple().addArrayOfUUID(predictions).addLong(RetryPolicy.GIVE_UP_MS)))
        .mapEmpty();
  }

  /** The same for labels in bulk, over a connection of their own; blocking. */
  static void after(Connection c, List<UUID> predictions) throws SQLException {
    if (predictions.isEmpty()) {
      return;
    }
    Array ids = c.createArrayOf("uuid", predictions.toArray());
    try (PreparedStatement cancel = c.prepareStatement(CANCEL_UNSEEN.replace("$1", "?"));
        PreparedStatement release =
            c.prepareStatement(RELEASE.replace("$1", "?").replace("$2", "?"))) {
      cancel.setArray(1, ids);
      cancel.executeUpdate();
      release.setArray(1, ids);
      release.setLong(2, RetryPolicy.GIVE_UP_MS);
      release.executeUpdate();
    }
  }
}
