package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What is stored of trials: each pair of scores, and their sums by replica. One thread stores, over
 * a connection of its own that is opened when it is needed.
 *
 * <p>Pairs and sums are one statement, and a pair that is there is passed over, so the same ones
 * may be stored again after a failure whose outcome is unknown.
 */
public final class TrialPairs implements PairStore {
  private static final int ANSWER_SECONDS = 5;

  private static final String STORE =
      "WITH new AS (INSERT INTO feedback.trial_pair (trial, prediction_id, model_id, base_score,"
          + " base_review, second_score, second_review) SELECT ?, * FROM unnest(?::uuid[],"
          + " ?::text[], ?::float8[], ?::boolean[], ?::float8[], ?::boolean[])"
          + " ON CONFLICT DO NOTHING RETURNING base_score, base_review, second_score,"
          + " second_review, abs(second_score - base_score) AS apart)"
          + " INSERT INTO feedback.trial_sum AS s (trial, replica, pairs, errors, disagreements,"
          + " sum_difference, sum_squares, dropped)"
          + " SELECT ?, ?, count(second_score), count(*) - count(second_score),"
          + " count(*) FILTER (WHERE second_review <> base_review), coalesce(sum(apart), 0),"
          + " coalesce(sum(apart * apart), 0), ? FROM new"
          + " ON CONFLICT (trial, replica) DO UPDATE SET pairs = s.pairs + excluded.pairs,"
          + " errors = s.errors + excluded.errors,"
          + " disagreements = s.disagreements + excluded.disagreements,"
          + " sum_difference = s.sum_difference + excluded.sum_difference,"
          + " sum_squares = s.sum_squares + excluded.sum_squares,"
          + " dropped = s.dropped + excluded.dropped, at = clock_timestamp()";

  private static final String SUMS =
      "SELECT trial, sum(pairs)::bigint AS pairs, sum(errors)::bigint AS errors,"
          + " sum(disagreements)::bigint AS disagreements, sum(sum_difference) AS sum_difference,"
          + " sum(sum_squares) AS sum_squares, sum(dropped)::bigint AS dropped"
          + " FROM feedback.trial_sum WHERE trial = ANY($1) GROUP BY trial";

  private final DirectConnections connections;
  private final String replica;
  private @Nullable Connection open;

  TrialPairs(DirectConnections connections, String replica) {
    this.connections = connections;
    this.replica = replica;
  }

  /**
   * What all replicas have stored.
   *
   * @param sumSquares of the differences of scores
   */
  public record Sums(
      long pairs,
      long errors,
      long disagreements,
      double sumDifference,
      double sumSquares,
      long dropped) {}

  /** What all replicas have stored of trials, in the caller's transaction; none of nothing yet. */
  public static Future<Map<UUID, Sums>> sums(SqlConnection c, List<UUID> trials) {
    return c.preparedQuery(SUMS)
        .execute(Tuple.tuple().addArrayOfUUID(trials.toArray(UUID[]::new)))
        .map(
            rows -> {
              Map<UUID, Sums> sums = new HashMap<>();
              rows.forEach(row -> sums.put(row.getUUID("trial"), sums(row)));
              return sums;
            });
  }

  private static Sums sums(Row row) {
    return new Sums(
        row.getLong("pairs"),
        row.getLong("errors"),
        row.getLong("disagreements"),
        row.getDouble("sum_difference"),
        row.getDouble("sum_squares"),
        row.getLong("dropped"));
  }

  @Override
  public void store(UUID trial, List<TrialPair> pairs, long dropped) {
    try {
      Connection connection =
          open == null ? connections.open("ml-service-trials", ANSWER_SECONDS) : open;
      open = connection;
      try (PreparedStatement statement = connection.prepareStatement(STORE)) {
        statement.setObject(1, trial);
        array(statement, 2, "uuid", pairs, TrialPair::predictionId);
        array(statement, 3, "text", pairs, TrialPair::modelId);
        array(statement, 4, "float8", pairs, TrialPair::baseScore);
        array(statement, 5, "bool", pairs, TrialPair::baseReview);
        array(statement, 6, "float8", pairs, p -> scored(p) ? p.secondScore() : null);
        array(statement, 7, "bool", pairs, p -> scored(p) ? p.secondReview() : null);
        statement.setObject(8, trial);
        statement.setString(9, replica);
        statement.setLong(10, dropped);
        statement.executeUpdate();
      }
    } catch (SQLException e) {
      close();
      throw new FeedbackException.Unavailable(
          "pairs of a trial were not stored, SQLSTATE " + e.getSQLState(), e);
    }
  }

  private static boolean scored(TrialPair pair) {
    return !Double.isNaN(pair.secondScore());
  }

  private static void array(
      PreparedStatement statement,
      int index,
      String type,
      List<TrialPair> pairs,
      Function<TrialPair, @Nullable Object> value)
      throws SQLException {
    Object[] values = new Object[pairs.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = value.apply(pairs.get(i));
    }
    statement.setArray(index, statement.getConnection().createArrayOf(type, values));
  }

  /** Closes the connection; the next call opens another. */
  @Override
  public void close() {
    Connection connection = open;
    open = null;
    if (connection != null) {
      try {
        connection.close();
      } catch (SQLException e) {
        // it is gone, as it should be
      }
    }
  }
}
