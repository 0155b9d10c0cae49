package io.apgms.ml.feedback;

import com.github.f4b6a3.uuid.UuidCreator;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Labels by the thousand, over one connection of its own: each call of {@link #write} is one
 * transaction with a handful of statements, whatever the number of lines. Every line is judged as a
 * single label is. Blocking; one thread.
 */
public final class Backfill implements AutoCloseable {
  /** Most lines of one transaction. */
  public static final int MAX_LINES = 2_000;

  private static final int ATTEMPTS = 3;
  private static final int ANSWER_SECONDS = 10;
  private static final String UNIQUE_VIOLATION = "23505";

  private static final String BOUNDS =
      "SET statement_timeout = '8s'; SET lock_timeout = '2s';"
          + " SET idle_in_transaction_session_timeout = '30s'";

  private static final String PREDICTIONS =
      "SELECT id, model_id, model_version, review FROM feedback.decision WHERE id = ANY(?)";

  private static final String INSERT =
      "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
          + " source, submitted_by, notes, metadata, observed_at, idempotency_key, body_hash,"
          + " key_scope) SELECT u.*, ? FROM unnest(?::uuid[], ?::uuid[], ?::text[], ?::text[],"
          + " ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::timestamptz[], ?::text[],"
          + " ?::bytea[]) u ON CONFLICT (key_scope, idempotency_key) DO NOTHING"
          + " RETURNING idempotency_key";

  private static final String BEFORE =
      "SELECT idempotency_key, body_hash FROM feedback.model_feedback"
          + " WHERE key_scope = ? AND idempotency_key = ANY(?)";

  private final Connection connection;
  private final Spool spool;
  private final Spools spools;
  private final String scope;
  private final BiConsumer<NewLabel.Label, NewLabel.Source> recorded;

  /**
   * A label of a file.
   *
   * @param number of its line, told back where it is refused
   * @param key the same key is one label, whichever file or attempt it comes in
   * @param hash of its content: the same key with another one is refused
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  public record Line(long number, NewLabel label, String key, byte[] hash) {}

  /** A line that was not taken, and why. */
  public record Rejected(long number, String reason) {}

  /**
   * What became of the lines, all of it committed.
   *
   * @param recorded lines that are labels now
   * @param repeated lines that were labels before
   */
  public record Outcome(int recorded, int repeated, List<Rejected> rejected) {
    public Outcome {
      rejected = List.copyOf(rejected);
    }
  }

  private Backfill(
      Connection connection,
      Spool spool,
      Spools spools,
      String subject,
      BiConsumer<NewLabel.Label, NewLabel.Source> recorded) {
    this.connection = connection;
    this.spool = spool;
    this.spools = spools;
    this.scope = scope(subject);
    this.recorded = recorded;
  }

  /** Apart from the keys of single labels, whose bodies are hashed as they came. */
  static String scope(String subject) {
    return "backfill " + subject;
  }

  static Backfill open(
      DirectConnections connections,
      Spool spool,
      Spools spools,
      String subject,
      BiConsumer<NewLabel.Label, NewLabel.Source> recorded) {
    try {
      Connection opened = connections.open("ml-service-backfill", ANSWER_SECONDS);
      try (var statement = opened.createStatement()) {
        statement.execute(BOUNDS);
      }
      opened.setAutoCommit(false);
      return new Backfill(opened, spool, spools, subject, recorded);
    } catch (SQLException e) {
      throw away(e);
    }
  }

  /**
   * Commits the lines that can be taken.
   *
   * @param lines at most {@link #MAX_LINES}
   * @throws FeedbackException.Unavailable when none of them was committed, or nobody knows: sending
   *     them again is safe
   */
  public Outcome write(List<Line> lines) {
    for (int attempt = 1; ; attempt++) {
      try {
        Batch batch = new Batch(lines);
        batch.write();
        connection.commit();
        batch.fresh.forEach(l -> recorded.accept(l.label().label(), l.label().source()));
        return batch.outcome();
      } catch (SQLException e) {
        rollback();
        // The shipper stored a waiting decision at this very moment: now it is found.
        if (attempt == ATTEMPTS || !UNIQUE_VIOLATION.equals(e.getSQLState())) {
          throw away(e);
        }
      }
    }
  }

  private void rollback() {
    try {
      connection.rollback();
    } catch (SQLException e) {
      // the connection is gone, and with it the transaction
    }
  }

  private static FeedbackException away(SQLException e) {
    return new FeedbackException.Unavailable(
        "the labels were not written, SQLSTATE " + e.getSQLState(), e);
  }

  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      // closed by the server
    }
  }

  /** One attempt at one transaction. */
  private final class Batch {
    private final Map<String, Line> byKey = new LinkedHashMap<>();
    private final List<Rejected> rejected = new ArrayList<>();
    private final List<Line> fresh = new ArrayList<>();
    private final List<Line> twins = new ArrayList<>();
    private final Map<String, byte[]> known = new HashMap<>();
    private final Map<String, String> refused = new HashMap<>();
    private Set<UUID> unsettled = Set.of();
    private int repeated;

    Batch(List<Line> lines) {
      for (Line line : lines) {
        if (byKey.putIfAbsent(line.key(), line) != null) {
          twins.add(line);
        }
      }
    }

    void write() throws SQLException {
      Map<UUID, Judged> predictions = predictions();
      List<Line> taken =
          byKey.values().stream()
              .filter(line -> isTaken(line, predictions.get(line.label().predictionId())))
              .toList();
      Set<String> inserted = taken.isEmpty() ? Set.of() : insert(taken);
      List<Line> others = new ArrayList<>();
      for (Line line : taken) {
        if (inserted.contains(line.key())) {
          known.put(line.key(), line.hash());
          fresh.add(line);
        } else {
          others.add(line);
        }
      }
      Releases.after(
          connection,
          fresh.stream()
              .map(Line::label)
              .filter(label -> label.label() == NewLabel.Label.FALSE_POSITIVE)
              .map(NewLabel::predictionId)
              .toList());
      if (!others.isEmpty()) {
        before(others.stream().map(Line::key).toArray());
        others.forEach(this::again);
      }
      twins.forEach(this::again);
    }

    /** A line whose key was there before, in the table or in this batch. */
    private void again(Line line) {
      String reason = refused.get(line.key());
      if (reason != null) {
        reject(line, reason);
      } else if (Arrays.equals(known.get(line.key()), line.hash())) {
        repeated++;
      } else {
        reject(line, "its idempotencyKey came with another label before, expected a new key");
      }
    }

    private boolean isTaken(Line line, @Nullable Judged prediction) {
      try {
        if (prediction == null) {
          UUID id = line.label().predictionId();
          throw unsettled.contains(id) ? Spools.elsewhere(id) : Spools.notFound(id);
        }
        prediction.require(line.label());
        return true;
      } catch (FeedbackException e) {
        String reason = String.valueOf(e.getMessage());
        refused.put(line.key(), reason);
        reject(line, reason);
        return false;
      }
    }

    private void reject(Line line, String reason) {
      rejected.add(new Rejected(line.number(), reason));
    }

    /** Those in the table and, stored with the labels, those that still wait in the spool. */
    private Map<UUID, Judged> predictions() throws SQLException {
      Set<UUID> ids = new HashSet<>();
      byKey.values().forEach(line -> ids.add(line.label().predictionId()));
      Map<UUID, Judged> found = stored(ids);
      ids.removeAll(found.keySet());
      List<Spool.Row> waiting = ids.stream().map(spool::row).filter(Objects::nonNull).toList();
      if (!waiting.isEmpty()) {
        BatchCopy.insert(connection, waiting);
        for (Spool.Row row : waiting) {
          Decision d = CopyTuple.decode(row.tuple());
          found.put(d.id(), new Judged(d.modelId(), d.modelVersion(), d.review()));
        }
      }
      ids.removeAll(found.keySet());
      unsettled = spools.unsettled(connection, ids);
      return found;
    }

    private Map<UUID, Judged> stored(Set<UUID> ids) throws SQLException {
      Map<UUID, Judged> found = new HashMap<>();
      try (PreparedStatement select = connection.prepareStatement(PREDICTIONS)) {
        select.setArray(1, connection.createArrayOf("uuid", ids.toArray()));
        try (ResultSet rows = select.executeQuery()) {
          while (rows.next()) {
            found.put(
                rows.getObject(1, UUID.class),
                new Judged(rows.getString(2), rows.getString(3), rows.getBoolean(4)));
          }
        }
      }
      return found;
    }

    private Set<String> insert(List<Line> lines) throws SQLException {
      try (PreparedStatement insert = connection.prepareStatement(INSERT)) {
        insert.setString(1, scope);
        insert.setArray(2, array("uuid", lines, l -> UuidCreator.getTimeOrderedEpoch()));
        insert.setArray(3, array("uuid", lines, l -> l.label().predictionId()));
        insert.setArray(4, array("text", lines, l -> l.label().modelId()));
        insert.setArray(5, array("text", lines, l -> l.label().modelVersion()));
        insert.setArray(6, array("text", lines, l -> l.label().label().name()));
        insert.setArray(7, array("text", lines, l -> l.label().source().name()));
        insert.setArray(8, array("text", lines, l -> l.label().submittedBy()));
        insert.setArray(9, array("text", lines, l -> l.label().notes()));
        insert.setArray(10, array("text", lines, l -> l.label().metadataJson()));
        insert.setArray(11, array("text", lines, l -> l.label().observedAt().toString()));
        insert.setArray(12, array("text", lines, Line::key));
        insert.setArray(
            13,
            connection.createArrayOf(
                "bytea", lines.stream().map(Line::hash).toArray(byte[][]::new)));
        Set<String> keys = new HashSet<>();
        try (ResultSet rows = insert.executeQuery()) {
          while (rows.next()) {
            keys.add(rows.getString(1));
          }
        }
        return keys;
      }
    }

    private void before(Object[] keys) throws SQLException {
      try (PreparedStatement select = connection.prepareStatement(BEFORE)) {
        select.setString(1, scope);
        select.setArray(2, connection.createArrayOf("text", keys));
        try (ResultSet rows = select.executeQuery()) {
          while (rows.next()) {
            known.put(rows.getString(1), rows.getBytes(2));
          }
        }
      }
    }

    private Array array(String type, List<Line> lines, Function<Line, @Nullable Object> column)
        throws SQLException {
      Object[] values = new Object[lines.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = column.apply(lines.get(i));
      }
      return connection.createArrayOf(type, values);
    }

    Outcome outcome() {
      rejected.sort(Comparator.comparingLong(Rejected::number));
      return new Outcome(fresh.size(), repeated, rejected);
    }
  }
}
