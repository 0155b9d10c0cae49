package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxException;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** The pool with a bound on every call, and whether it answered last. */
final class Database {
  /** Classes of SQLSTATE that say "not now": connection, rollback, resources, operator, system. */
  private static final Set<String> AWAY = Set.of("08", "25", "40", "53", "55", "57", "58");

  private static final int AGAIN = 2; // at most, where a transaction was broken off

  private final Vertx vertx;
  private final Pool pool;
  private final PgConnectOptions server;
  private final long timeoutMs;
  private volatile boolean up = true;

  Database(Vertx vertx, Pool pool, PgConnectOptions server, long timeoutMs) {
    this.vertx = vertx;
    this.pool = pool;
    this.server = server;
    this.timeoutMs = timeoutMs;
  }

  /** Whether the last call was answered; read before anything is enforced. */
  boolean up() {
    return up;
  }

  long timeoutMs() {
    return timeoutMs;
  }

  /** Asks for a sign of life; never fails. */
  Future<Void> probe() {
    return pool.query("SELECT 1")
        .execute()
        .timeout(timeoutMs, TimeUnit.MILLISECONDS)
        .onComplete(done -> up = done.succeeded())
        .<Void>mapEmpty()
        .otherwiseEmpty();
  }

  /**
   * A connection beside the pool, on the event loop of the caller. It runs one statement over and
   * over, so that is planned once.
   */
  Future<SqlConnection> dedicated() {
    PgConnectOptions options = new PgConnectOptions(server);
    options.addProperty("plan_cache_mode", "force_generic_plan").addProperty("jit", "off");
    return PgConnection.connect(vertx, options)
        .<SqlConnection>map(c -> c)
        .timeout(timeoutMs, TimeUnit.MILLISECONDS)
        .onComplete(done -> up = done.succeeded());
  }

  void answered(boolean yes) {
    up = yes;
  }

  Future<RowSet<Row>> read(String sql, Tuple parameters) {
    return pool.preparedQuery(sql)
        .execute(parameters)
        .timeout(timeoutMs, TimeUnit.MILLISECONDS)
        .recover(Database::classified);
  }

  /** In a transaction that is begun again where the server broke it off for another's sake. */
  <T> Future<T> write(Function<SqlConnection, Future<T>> work) {
    return write(work, AGAIN)
        .timeout(timeoutMs, TimeUnit.MILLISECONDS)
        .recover(Database::classified);
  }

  private <T> Future<T> write(Function<SqlConnection, Future<T>> work, int again) {
    Future<T> done = pool.withTransaction(work);
    return again == 0
        ? done
        : done.recover(e -> isBrokenOff(e) ? write(work, again - 1) : Future.failedFuture(e));
  }

  /** A deadlock or a serialization failure: nothing of it was kept. */
  private static boolean isBrokenOff(Throwable failure) {
    return failure instanceof PgException pg
        && ("40P01".equals(pg.getSqlState()) || "40001".equals(pg.getSqlState()));
  }

  private static <T> Future<T> classified(Throwable failure) {
    boolean away =
        failure instanceof PgException pg
            ? isAway(pg)
            : failure instanceof TimeoutException
                || failure instanceof VertxException
                || failure instanceof IOException;
    return Future.failedFuture(
        away
            ? new FeedbackException.Unavailable("the decision database is away", failure)
            : failure);
  }

  static boolean isAway(PgException e) {
    String state = String.valueOf(e.getSqlState());
    return state.length() == 5 && AWAY.contains(state.substring(0, 2));
  }
}
