package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;

/** How the decisions of the last thirty days turned out, as far as labels say. */
public final class LabelOutcomes {
  /** Decisions of so many days, and of today. */
  static final int DAYS = 30;

  private static final Duration RECENT = Duration.ofDays(7);

  /** Predictions with a label, and labels, at most; the newest. */
  private static final int MAX_LABELS = 200_000;

  /** The time in an id is that of RFC 9562: 48 bits of milliseconds. */
  private static final String OUTCOMES =
      "WITH counting AS (SELECT DISTINCT ON (prediction_id) model_id, model_version, label"
          + " FROM feedback.model_feedback WHERE prediction_id >= $1"
          + " ORDER BY prediction_id DESC, observed_at DESC, id DESC LIMIT "
          + MAX_LABELS
          + "), labelled AS (SELECT model_id, model_version,"
          + " count(*) FILTER (WHERE label = 'TRUE_POSITIVE') AS tp,"
          + " count(*) FILTER (WHERE label = 'FALSE_POSITIVE') AS fp,"
          + " count(*) FILTER (WHERE label = 'TRUE_NEGATIVE') AS tn,"
          + " count(*) FILTER (WHERE label = 'FALSE_NEGATIVE') AS fn FROM counting GROUP BY 1, 2),"
          + " recent AS (SELECT model_id, model_version, extract(epoch FROM recorded_at)::float8"
          + " - ('x' || substr(replace(prediction_id::text, '-', ''), 1, 12))::bit(48)::bigint"
          + " / 1000.0::float8 AS lag FROM feedback.model_feedback WHERE id >= $2"
          + " ORDER BY id DESC LIMIT "
          + MAX_LABELS
          + "), lags AS (SELECT model_id, model_version,"
          + " percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(lag, 0)) AS lag"
          + " FROM recent GROUP BY 1, 2),"
          + " written AS (SELECT coalesce(max(day), 'epoch') + 1 AS until"
          + " FROM feedback.feature_drift),"
          + " decided AS (SELECT model_id, model_version, sum(rows)::bigint AS rows,"
          + " sum(reviews)::bigint AS reviews FROM (SELECT model_id, model_version, rows, reviews"
          + " FROM feedback.feature_drift WHERE feature = '' AND day >= $3"
          + " UNION ALL SELECT model_id, model_version, (SELECT sum(x) FROM unnest(cells) AS x),"
          + " reviews FROM feedback.drift_count, written WHERE feature = ''"
          + " AND at >= written.until::timestamp AT TIME ZONE 'UTC') d GROUP BY 1, 2)"
          + " SELECT model_id, model_version, coalesce(rows, 0) AS rows,"
          + " coalesce(reviews, 0) AS reviews, coalesce(tp, 0) AS tp, coalesce(fp, 0) AS fp,"
          + " coalesce(tn, 0) AS tn, coalesce(fn, 0) AS fn, lag FROM decided"
          + " FULL JOIN labelled USING (model_id, model_version)"
          + " FULL JOIN lags USING (model_id, model_version) ORDER BY 1, 2 LIMIT 1000";

  private final Database db;

  LabelOutcomes(Database db) {
    this.db = db;
  }

  /** Of each version that decided, or whose labels came, in its time; at most 1,000. */
  public Future<List<LabelOutcome>> read(Instant now) {
    LocalDate from = LocalDate.ofInstant(now, ZoneOffset.UTC).minusDays(DAYS);
    long fromMs = from.atStartOfDay().toInstant(ZoneOffset.UTC).toEpochMilli();
    return db.read(
            OUTCOMES,
            Tuple.of(
                DecisionRows.firstId(fromMs),
                DecisionRows.firstId(now.minus(RECENT).toEpochMilli()),
                from))
        .map(LabelOutcomes::outcomes);
  }

  private static List<LabelOutcome> outcomes(RowSet<Row> rows) {
    List<LabelOutcome> outcomes = new ArrayList<>();
    for (Row row : rows) {
      Double lag = row.getDouble("lag");
      outcomes.add(
          new LabelOutcome(
              row.getString("model_id"),
              row.getString("model_version"),
              row.getLong("rows"),
              row.getLong("reviews"),
              row.getLong("tp"),
              row.getLong("fp"),
              row.getLong("tn"),
              row.getLong("fn"),
              lag == null ? Double.NaN : lag));
    }
    return outcomes;
  }
}
