package io.apgms.ml.feedback;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyOut;

/**
 * Labels with the decisions they are on, by prediction and then by when they were recorded, as COPY
 * streams them: memory holds a row. Blocking; one thread at a time.
 */
public final class LabelExport implements AutoCloseable {
  private static final int ANSWER_SECONDS = 120; // a large sort comes before the first row

  private static final String BOUNDS =
      "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET statement_timeout = '1h';"
          + " SET lock_timeout = '5s'; SET extra_float_digits = 1; SET jit = off";

  /** The label that counts is the newest by observedAt of those there were at the window's end. */
  private static final String ROWS =
      "COPY (SELECT l.id, l.prediction_id, l.model_id, l.model_version, d.model_digest, d.at,"
          + " l.label, c.id = l.id, c.label, l.source, l.submitted_by, l.notes, l.metadata,"
          + " l.observed_at, l.recorded_at, d.score, d.threshold, d.review, d.act, d.enforced,"
          + " d.entity_id, d.groups, d.features FROM feedback.model_feedback l"
          + " CROSS JOIN LATERAL (SELECT n.id, n.label FROM feedback.model_feedback n"
          + "  WHERE n.prediction_id = l.prediction_id AND n.id < 'TO_ID'"
          + "  ORDER BY n.observed_at DESC, n.id DESC LIMIT 1) c"
          + " LEFT JOIN feedback.decision d ON d.id = l.prediction_id"
          + " WHERE l.id >= 'FROM_ID' AND l.id < 'TO_ID' MODEL ORDER BY l.prediction_id, l.id) TO STDOUT";

  private final Connection connection;
  private @Nullable CopyOut copy;

  /**
   * Labels recorded from {@code from} (inclusive) to {@code to} (exclusive), to the millisecond.
   *
   * @param modelId null for every model
   */
  public record Window(Instant from, Instant to, @Nullable String modelId) {
    public Window {
      if (!from.isBefore(to)) {
        throw new FeedbackException.Invalid(
            "window from " + from + " to " + to + ", expected one that ends after it begins");
      }
    }
  }

  private LabelExport(Connection connection) {
    this.connection = connection;
  }

  static LabelExport open(DirectConnections connections, Window window) {
    try {
      LabelExport export = new LabelExport(connections.open("ml-service-export", ANSWER_SECONDS));
      export.begin(window);
      return export;
    } catch (SQLException e) {
      throw away(e);
    }
  }

  private void begin(Window window) throws SQLException {
    String model =
        window.modelId() == null
            ? ""
            : " AND l.model_id = '" + window.modelId().replace("'", "''") + "'";
    try (Statement statement = connection.createStatement()) {
      statement.execute(BOUNDS);
    }
    copy =
        connection
            .unwrap(PGConnection.class)
            .getCopyAPI()
            .copyOut(
                ROWS.replace(
                        "FROM_ID", DecisionRows.firstId(window.from().toEpochMilli()).toString())
                    .replace("TO_ID", DecisionRows.firstId(window.to().toEpochMilli()).toString())
                    .replace("MODEL", model));
  }

  /**
   * Tells rows until enough are told or none is left.
   *
   * @param each told each row; true where the caller has enough for now
   * @return whether there may be more
   */
  public boolean read(Predicate<ExportedLabel> each) {
    CopyOut rows = copy;
    if (rows == null) {
      return false;
    }
    try {
      ExportedLabel row = new ExportedLabel();
      for (byte[] line = rows.readFromCopy(); line != null; line = rows.readFromCopy()) {
        row.read(line);
        if (each.test(row)) {
          return true;
        }
      }
      copy = null;
      return false;
    } catch (SQLException e) {
      throw away(e);
    }
  }

  private static FeedbackException away(SQLException e) {
    return new FeedbackException.Unavailable(
        "the labels were not read, SQLSTATE " + e.getSQLState(), e);
  }

  /** Cuts the connection: what was not read is not waited for. */
  @Override
  public void close() {
    try {
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      // closed by the server
    }
  }
}
