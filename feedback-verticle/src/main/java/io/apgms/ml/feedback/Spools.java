package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;

/**
 * How far the spools of all replicas have shipped, and so whether a decision that nobody finds may
 * wait in one of them.
 */
public final class Spools {
  private static final int UUID_V7 = 7;
  private static final int MAX_REPLICAS = 1_000;

  private static final String PUBLISH =
      "INSERT INTO feedback.spool (replica, shipped_ms) VALUES (?, ?) ON CONFLICT (replica)"
          + " DO UPDATE SET shipped_ms = excluded.shipped_ms, seen_at = clock_timestamp()";

  private static final String SILENT =
      "SELECT count(*) FROM feedback.spool WHERE replica <> ?"
          + " AND seen_at < clock_timestamp() - interval '30 seconds'";

  private static final String LEAVE = "DELETE FROM feedback.spool WHERE replica = ?";

  /**
   * Asked after an id was found nowhere, so in this order: what the table has got meanwhile counts,
   * and a row that left its spool before this snapshot is in the table of this snapshot. No replica
   * is so wrong about the time that it makes ids of the hour after next.
   */
  private static final String UNSETTLED =
      "SELECT i.id FROM unnest(%s::uuid[], %s::int8[]) AS i(id, ms) WHERE"
          + " EXISTS (SELECT 1 FROM feedback.decision d WHERE d.id = i.id)"
          + " OR (i.ms < extract(epoch FROM clock_timestamp()) * 1000 + 7200000"
          + " AND EXISTS (SELECT 1 FROM feedback.spool s WHERE s.replica <> %s"
          + " AND s.shipped_ms <= i.ms))";

  static final String UNSETTLED_HERE = UNSETTLED.formatted("$1", "$2", "$3");
  private static final String UNSETTLED_BY_JDBC = UNSETTLED.formatted("?", "?", "?");

  private static final String LIST =
      "SELECT replica, shipped_ms, seen_at,"
          + " (extract(epoch FROM clock_timestamp() - seen_at) * 1000)::int8 AS silent_ms"
          + " FROM feedback.spool";

  private final String replica;

  /**
   * @param replica whose own spool was looked into before
   */
  Spools(String replica) {
    this.replica = replica;
  }

  /**
   * A replica's spool.
   *
   * @param shippedBefore no decision made before it, by the replica's clock, waits there
   * @param seenAt when it last said so, by the database's clock
   * @param silentMs since then
   */
  public record View(String replica, Instant shippedBefore, Instant seenAt, long silentMs) {
    /** So long after its last word may a replica still live. */
    private static final long LIVE_MS = 10_000;

    boolean live() {
      return silentMs < LIVE_MS;
    }
  }

  /**
   * Tells the others that no decision of that time or before waits here.
   *
   * @return how many others have said nothing for half a minute
   */
  int publish(Connection connection, long shippedMs) throws SQLException {
    try (PreparedStatement upsert = connection.prepareStatement(PUBLISH)) {
      upsert.setString(1, replica);
      upsert.setLong(2, shippedMs);
      upsert.executeUpdate();
    }
    try (PreparedStatement count = connection.prepareStatement(SILENT)) {
      count.setString(1, replica);
      try (ResultSet row = count.executeQuery()) {
        return row.next() ? row.getInt(1) : 0;
      }
    }
  }

  /** For a replica that stops with nothing in its spool. */
  void leave(Connection connection) throws SQLException {
    try (PreparedStatement delete = connection.prepareStatement(LEAVE)) {
      delete.setString(1, replica);
      delete.executeUpdate();
    }
  }

  /**
   * Why there is no prediction with an id that neither this spool nor the table has: NotFound, or
   * Elsewhere while it may wait in another replica's spool. Never succeeds.
   *
   * @param ask runs a statement
   */
  <T> Future<T> unknown(UUID id, BiFunction<String, Tuple, Future<RowSet<Row>>> ask) {
    if (id.version() != UUID_V7) {
      return Future.failedFuture(notFound(id));
    }
    Tuple parameters = Tuple.of(new UUID[] {id}, new Long[] {Decision.ms(id)}, replica);
    return ask.apply(UNSETTLED_HERE, parameters)
        .compose(rows -> Future.failedFuture(rows.size() == 0 ? notFound(id) : elsewhere(id)));
  }

  /** Of ids that were found nowhere, those that may yet be. */
  Set<UUID> unsettled(Connection connection, Collection<UUID> ids) throws SQLException {
    List<UUID> asked = ids.stream().filter(id -> id.version() == UUID_V7).toList();
    Set<UUID> unsettled = new HashSet<>();
    if (asked.isEmpty()) {
      return unsettled;
    }
    try (PreparedStatement select = connection.prepareStatement(UNSETTLED_BY_JDBC)) {
      select.setArray(1, connection.createArrayOf("uuid", asked.toArray()));
      select.setArray(
          2, connection.createArrayOf("int8", asked.stream().map(Decision::ms).toArray()));
      select.setString(3, replica);
      try (ResultSet rows = select.executeQuery()) {
        while (rows.next()) {
          unsettled.add(rows.getObject(1, UUID.class));
        }
      }
    }
    return unsettled;
  }

  static FeedbackException notFound(UUID id) {
    return new FeedbackException.NotFound("no prediction with id " + id);
  }

  static FeedbackException elsewhere(UUID id) {
    return new FeedbackException.Elsewhere(
        "prediction " + id + " is not known yet: it may wait in another replica's spool");
  }

  static boolean isId(UUID id) {
    return id.version() == UUID_V7;
  }

  /** Those that are published, at most 1,000, by replica. */
  public static Future<List<View>> list(SqlConnection connection) {
    return connection
        .query(LIST + " ORDER BY replica LIMIT " + MAX_REPLICAS)
        .execute()
        .map(
            rows -> {
              List<View> views = new ArrayList<>();
              rows.forEach(row -> views.add(view(row)));
              return views;
            });
  }

  /**
   * The spool of a replica that is to be forgotten, locked until the transaction ends. NotFound
   * where there is none, Live while its replica says that it has it.
   */
  public static Future<View> lock(SqlConnection connection, String replica) {
    return connection
        .preparedQuery(LIST + " WHERE replica = $1 FOR UPDATE")
        .execute(Tuple.of(replica))
        .map(
            rows -> {
              if (rows.size() == 0) {
                throw new FeedbackException.NotFound("no spool of that replica is published");
              }
              View view = view(rows.iterator().next());
              if (view.live()) {
                throw new FeedbackException.Live(
                    "replica "
                        + replica
                        + " was seen "
                        + view.silentMs()
                        + " ms ago, expected one that is silent for "
                        + View.LIVE_MS
                        + " ms");
              }
              return view;
            });
  }

  /** What waits in that spool is lost: from now on nobody waits for it. */
  public static Future<Void> forget(SqlConnection connection, String replica) {
    return connection
        .preparedQuery("DELETE FROM feedback.spool WHERE replica = $1")
        .execute(Tuple.of(replica))
        .mapEmpty();
  }

  private static View view(Row row) {
    return new View(
        row.getString("replica"),
        Instant.ofEpochMilli(row.getLong("shipped_ms")),
        row.getOffsetDateTime("seen_at").toInstant(),
        row.getLong("silent_ms"));
  }
}
