package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;

/**
 * The one row of a cursor over the audit log: {@code seq}, {@code holder}, {@code leased_until}.
 */
final class CursorRow {
  private final Database db;
  private final String table;

  /**
   * @param table of the schema {@code registry}
   */
  CursorRow(Database db, String table) {
    this.db = db;
    this.table = "registry." + table;
  }

  Future<Boolean> lease(String holder, Duration lease) {
    return db.read(
        "UPDATE "
            + table
            + " SET holder = $1, leased_until = clock_timestamp() + make_interval(secs => $2)"
            + " WHERE holder = $1 OR leased_until < clock_timestamp()",
        Tuple.of(holder, lease.toMillis() / 1e3),
        rows -> rows.rowCount() == 1);
  }

  Future<Void> done(long seq) {
    return db.read("UPDATE " + table + " SET seq = greatest(seq, $1)", Tuple.of(seq), rows -> null);
  }
}
