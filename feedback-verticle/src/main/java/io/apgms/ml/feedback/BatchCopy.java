package io.apgms.ml.feedback;

import java.nio.ByteBuffer;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;

/** Rows of the spool into the decision table by COPY, with the batch that they make. */
final class BatchCopy {
  private static final String COPY =
      "COPY feedback.decision (" + CopyTuple.PLACED_NAMES + ") FROM STDIN (FORMAT binary)";
  private static final String NEXT = "SELECT nextval('feedback.decision_batch_id')";
  private static final String BATCH =
      "INSERT INTO feedback.decision_batch (id, leaves) VALUES (?, ?)";
  private static final String STORED = "SELECT id FROM feedback.decision WHERE id = ANY(?)";

  private BatchCopy() {}

  /**
   * Inserts the rows as one batch.
   *
   * @param connection in a transaction
   */
  static void insert(Connection connection, List<Spool.Row> rows) throws SQLException {
    long batch = next(connection);
    copy(connection, placed(rows, batch));
    try (PreparedStatement insert = connection.prepareStatement(BATCH)) {
      insert.setLong(1, batch);
      insert.setBytes(2, leaves(rows));
      insert.executeUpdate();
    }
  }

  /** Those of the rows that the table does not have. */
  static List<Spool.Row> missing(Connection connection, List<Spool.Row> rows) throws SQLException {
    Array ids = connection.createArrayOf("uuid", rows.stream().map(Spool.Row::id).toArray());
    Set<UUID> stored = new HashSet<>();
    try (PreparedStatement select = connection.prepareStatement(STORED)) {
      select.setArray(1, ids);
      try (ResultSet found = select.executeQuery()) {
        while (found.next()) {
          stored.add(found.getObject(1, UUID.class));
        }
      }
    }
    return rows.stream().filter(row -> !stored.contains(row.id())).toList();
  }

  private static long next(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet next = statement.executeQuery(NEXT)) {
      next.next();
      return next.getLong(1);
    }
  }

  private static byte[] leaves(List<Spool.Row> rows) {
    ByteBuffer leaves = ByteBuffer.allocate(rows.size() * MerkleTree.HASH_BYTES);
    rows.forEach(row -> leaves.put(MerkleTree.leafHash(row.tuple())));
    return leaves.array();
  }

  private static byte[] placed(List<Spool.Row> rows, long batch) {
    byte[] header = CopyTuple.header();
    int bytes = header.length + CopyTuple.TRAILER.length;
    for (Spool.Row row : rows) {
      bytes += row.tuple().length + CopyTuple.PLACE_BYTES;
    }
    ByteBuffer out = ByteBuffer.allocate(bytes).put(header);
    int leaf = 0;
    for (Spool.Row row : rows) {
      CopyTuple.place(out, row.tuple(), batch, leaf++);
    }
    return out.put(CopyTuple.TRAILER).array();
  }

  private static void copy(Connection connection, byte[] bytes) throws SQLException {
    CopyIn copy = connection.unwrap(PGConnection.class).getCopyAPI().copyIn(COPY);
    try {
      copy.writeToCopy(bytes, 0, bytes.length);
      copy.endCopy();
    } finally {
      if (copy.isActive()) {
        copy.cancelCopy();
      }
    }
  }
}
