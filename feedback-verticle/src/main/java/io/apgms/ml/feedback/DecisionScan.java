package io.apgms.ml.feedback;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.Arrays;
import java.util.Properties;
import java.util.function.Consumer;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyOut;

/** Stored decisions of a model, one after another, over a connection of its own. Blocking. */
public final class DecisionScan implements AutoCloseable {
  private static final int HEADER_BYTES = CopyTuple.header().length;

  private final Connection connection;
  private final String from;

  private DecisionScan(Connection connection, String from) {
    this.connection = connection;
    this.from = from;
  }

  /**
   * Opens it over the decisions of [from, to).
   *
   * @throws SQLException when the database cannot be reached
   */
  public static DecisionScan open(
      String jdbcUrl, Properties login, String modelId, Instant from, Instant to)
      throws SQLException {
    String rows =
        " FROM feedback.decision WHERE model_id = '"
            + modelId.replace("'", "''")
            + "' AND id >= '"
            + DecisionRows.firstId(from.toEpochMilli())
            + "' AND id < '"
            + DecisionRows.firstId(to.toEpochMilli())
            + "'";
    return new DecisionScan(DriverManager.getConnection(jdbcUrl, login), rows);
  }

  /** How many there are. */
  public long count() throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet count = statement.executeQuery("SELECT count(*)" + from)) {
      count.next();
      return count.getLong(1);
    }
  }

  /** Hands over each, in no order, holding one at a time. Once: what fails here ends the scan. */
  public void forEach(Consumer<Decision> each) throws SQLException {
    CopyOut rows =
        connection
            .unwrap(PGConnection.class)
            .getCopyAPI()
            .copyOut("COPY (SELECT " + CopyTuple.NAMES + from + ") TO STDOUT (FORMAT binary)");
    try {
      int skip = HEADER_BYTES; // the header comes with the first row
      for (byte[] row = rows.readFromCopy(); row != null; row = rows.readFromCopy()) {
        if (row.length - skip > CopyTuple.TRAILER.length) {
          each.accept(CopyTuple.decode(Arrays.copyOfRange(row, skip, row.length)));
        }
        skip = 0;
      }
    } finally {
      if (rows.isActive()) {
        rows.cancelCopy();
      }
    }
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
