package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** How decisions fall on the groups that requests carried, and how they turned out. */
public final class GroupOutcomes {
  private static final Duration DECIDED = Duration.ofDays(1);
  private static final Duration LABELLED = Duration.ofDays(30);

  /** Decisions looked at, whether they carry groups or not; the newest. */
  private static final int MAX_DECISIONS = 50_000;

  /** Labelled decisions looked at; the newest. */
  private static final int MAX_LABELLED = 20_000;

  /** Distinct groups told, the most frequent ones. */
  private static final int MAX_GROUPS = 2_000;

  private static final String OUTCOMES =
      "WITH newest AS (SELECT model_id, model_version, groups, review FROM feedback.decision"
          + " WHERE id >= $1 ORDER BY id DESC LIMIT "
          + MAX_DECISIONS
          + "), decided AS (SELECT model_id, model_version, groups, count(*)::int AS n,"
          + " (count(*) FILTER (WHERE review))::int AS reviews FROM newest"
          + " WHERE groups IS NOT NULL GROUP BY 1, 2, 3),"
          + " counting AS (SELECT DISTINCT ON (prediction_id) prediction_id, label"
          + " FROM feedback.model_feedback WHERE prediction_id >= $2"
          + " ORDER BY prediction_id DESC, observed_at DESC, id DESC LIMIT "
          + MAX_LABELLED
          + "), labelled AS (SELECT d.model_id, d.model_version, d.groups,"
          + " (count(*) FILTER (WHERE label = 'TRUE_POSITIVE'))::int AS tp,"
          + " (count(*) FILTER (WHERE label = 'FALSE_POSITIVE'))::int AS fp,"
          + " (count(*) FILTER (WHERE label = 'TRUE_NEGATIVE'))::int AS tn,"
          + " (count(*) FILTER (WHERE label = 'FALSE_NEGATIVE'))::int AS fn,"
          + " sum(d.score) AS scores FROM counting JOIN feedback.decision d ON d.id = prediction_id"
          + " AND d.id >= $2 WHERE d.groups IS NOT NULL GROUP BY 1, 2, 3)"
          + " SELECT model_id, model_version, groups, coalesce(n, 0) AS n,"
          + " coalesce(reviews, 0) AS reviews, coalesce(tp, 0) AS tp, coalesce(fp, 0) AS fp,"
          + " coalesce(tn, 0) AS tn, coalesce(fn, 0) AS fn, coalesce(scores, 0) AS scores"
          + " FROM decided FULL JOIN labelled USING (model_id, model_version, groups)"
          + " ORDER BY coalesce(n, 0) + coalesce(tp + fp + tn + fn, 0) DESC, 1, 2, 3 LIMIT "
          + MAX_GROUPS;

  private final Database db;

  GroupOutcomes(Database db) {
    this.db = db;
  }

  /**
   * By version and groups: decisions of the last day, at most the newest 50,000, and labelled ones
   * of the last thirty days, at most 20,000.
   */
  public Future<List<GroupOutcome>> read(Instant now) {
    return db.read(
            OUTCOMES,
            Tuple.of(
                DecisionRows.firstId(now.minus(DECIDED).toEpochMilli()),
                DecisionRows.firstId(now.minus(LABELLED).toEpochMilli())))
        .map(GroupOutcomes::outcomes);
  }

  private static List<GroupOutcome> outcomes(RowSet<Row> rows) {
    List<GroupOutcome> outcomes = new ArrayList<>();
    for (Row row : rows) {
      outcomes.add(
          new GroupOutcome(
              row.getString("model_id"),
              row.getString("model_version"),
              row.getString("groups"),
              row.getInteger("n"),
              row.getInteger("reviews"),
              row.getInteger("tp"),
              row.getInteger("fp"),
              row.getInteger("tn"),
              row.getInteger("fn"),
              row.getDouble("scores")));
    }
    return outcomes;
  }
}
