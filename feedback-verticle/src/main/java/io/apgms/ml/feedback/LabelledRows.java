package io.apgms.ml.feedback;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Decisions with the label that counts, as a later model is trained on them. Blocking. */
public final class LabelledRows {
  private static final int FETCH_ROWS = 1_000;

  /**
   * Which predictions: those that got a label in the window; which label: the newest by observedAt
   * of all that were there at its end. Ids of labels are UUIDv7, so the window is a range of ids.
   */
  private static final String SQL =
      "SELECT d.model_version, d.model_digest, d.features, d.groups, l.label"
          + " FROM (SELECT DISTINCT ON (f.prediction_id) f.prediction_id, f.label"
          + "  FROM feedback.model_feedback f WHERE f.model_id = ? AND f.id < ?"
          + "  AND f.prediction_id IN (SELECT w.prediction_id FROM feedback.model_feedback w"
          + "   WHERE w.model_id = ? AND w.id >= ? AND w.id < ?)"
          + "  ORDER BY f.prediction_id, f.observed_at DESC, f.id DESC) l"
          + " JOIN feedback.decision d ON d.id = l.prediction_id ORDER BY d.id";

  private LabelledRows() {}

  /**
   * Labels recorded from {@code from} (inclusive) to {@code to} (exclusive), to the millisecond.
   */
  public record Window(String modelId, Instant from, Instant to) {
    public Window {
      if (!from.isBefore(to)) {
        throw new FeedbackException.Invalid(
            "window from " + from + " to " + to + ", expected one that ends after it begins");
      }
    }
  }

  /**
   * One decision and its outcome; nothing that says whose it is.
   *
   * @param features float32 in the tensor order of that version, NaN where missing
   * @param groupsJson protected attributes as a JSON object of strings
   * @param positive whether the outcome was the adverse one: a true positive or a false negative
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  public record LabelledRow(
      String modelVersion,
      String modelDigest,
      float[] features,
      @Nullable String groupsJson,
      boolean positive) {}

  /**
   * Tells the rows one after another, ordered by prediction id, through a cursor: memory does not
   * grow with them.
   *
   * @param connection left in autocommit off, rolled back
   * @throws FeedbackException.Unavailable when the tables cannot be read
   */
  public static void read(Connection connection, Window window, Consumer<LabelledRow> told) {
    try {
      connection.setAutoCommit(false); // pgjdbc opens a cursor in a transaction only
      connection.setReadOnly(true);
      try (PreparedStatement statement = connection.prepareStatement(SQL)) {
        statement.setFetchSize(FETCH_ROWS);
        statement.setString(1, window.modelId());
        statement.setObject(2, DecisionRows.firstId(window.to().toEpochMilli()));
        statement.setString(3, window.modelId());
        statement.setObject(4, DecisionRows.firstId(window.from().toEpochMilli()));
        statement.setObject(5, DecisionRows.firstId(window.to().toEpochMilli()));
        try (ResultSet rows = statement.executeQuery()) {
          while (rows.next()) {
            told.accept(row(rows));
          }
        }
      } finally {
        connection.rollback();
      }
    } catch (SQLException e) {
      throw new FeedbackException.Unavailable(
          "the feature store cannot be read, SQLSTATE " + e.getSQLState(), e);
    }
  }

  private static LabelledRow row(ResultSet rows) throws SQLException {
    return new LabelledRow(
        rows.getString(1),
        rows.getString(2),
        floats(rows.getArray(3)),
        rows.getString(4),
        NewLabel.Label.valueOf(rows.getString(5)).adverse());
  }

  private static float[] floats(Array array) throws SQLException {
    Float[] boxed = (Float[]) array.getArray();
    float[] values = new float[boxed.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = boxed[i];
    }
    array.free();
    return values;
  }
}
