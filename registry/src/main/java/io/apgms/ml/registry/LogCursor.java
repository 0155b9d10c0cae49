package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.util.Optional;

/**
 * How far another system has been told of the audit log, which holds every step that was taken and
 * none that was not. One replica at a time moves it, by a lease. It is the one row of a table:
 * {@code seq}, {@code holder}, {@code leased_until}.
 *
 * @param <S> what is told
 */
public abstract class LogCursor<S extends LogCursor.Told> {
  private final Database db;
  private final String table;

  /** What is told, by the number of its audit row. */
  public interface Told {
    long seq();
  }

  /**
   * @param table of the schema {@code registry}
   */
  LogCursor(Database db, String table) {
    this.db = db;
    this.table = "registry." + table;
  }

  Database db() {
    return db;
  }

  /** Whether the holder may go on: nobody else's lease runs, or it is its own. */
  public Future<Boolean> lease(String holder, Duration lease) {
    return db.read(
        "UPDATE "
            + table
            + " SET holder = $1, leased_until = clock_timestamp() + make_interval(secs => $2)"
            + " WHERE holder = $1 OR leased_until < clock_timestamp()",
        Tuple.of(holder, lease.toMillis() / 1e3),
        rows -> rows.rowCount() == 1);
  }

  /** The first that has not been told. */
  public abstract Future<Optional<S>> next();

  /** It has been told. */
  public Future<Void> done(long seq) {
    return db.read("UPDATE " + table + " SET seq = greatest(seq, $1)", Tuple.of(seq), rows -> null);
  }

  /** It will not be told, and why; it stays in the audit log, which is where it counts. */
  public Future<Void> skipped(long seq, String reason) {
    return done(seq);
  }
}
