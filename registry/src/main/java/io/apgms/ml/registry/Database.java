package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.VertxException;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** The primary, with a time bound on every call: in the client always, in the server for writes. */
final class Database {
  /** The channel each changing transaction notifies. */
  static final String CHANNEL = "registry_changed";

  /** Classes of SQLSTATE that say "not now": connection, rollback, resources, operator, system. */
  private static final Set<String> AWAY_CLASSES = Set.of("08", "40", "53", "57", "58");

  /** Raised by the triggers of V3__approvals.sql, with a text for people. */
  private static final String REFUSED = "ML409";

  private static final Set<String> AWAY_STATES = Set.of("25006", "55P03");

  private final Pool pool;
  private final long timeoutMs;

  Database(Pool pool, Duration timeout) {
    this.pool = pool;
    this.timeoutMs = timeout.toMillis();
    if (timeoutMs < 10) {
      throw new IllegalArgumentException(
          "timeout of " + timeoutMs + " ms, expected at least 10 ms");
    }
  }

  <T> Future<T> read(String sql, Tuple parameters, Function<RowSet<Row>, T> rows) {
    return pool.preparedQuery(sql)
        .execute(parameters)
        .timeout(timeoutMs, TimeUnit.MILLISECONDS)
        .map(rows)
        .recover(this::classified);
  }

  /**
   * One transaction. Work that ends past the bound is rolled back, so that of a call that timed out
   * only the commit itself can be in doubt.
   */
  <T> Future<T> write(Function<SqlConnection, Future<T>> work) {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
    return pool.withTransaction(
            c -> bound(c).compose(v -> work.apply(c)).compose(r -> inTime(r, deadline)))
        .timeout(timeoutMs, TimeUnit.MILLISECONDS)
        .recover(this::classified);
  }

  private Future<RowSet<Row>> bound(SqlConnection c) {
    return c.preparedQuery(
            "SELECT set_config('lock_timeout', $1, true),"
                + " set_config('statement_timeout', $2, true)")
        .execute(Tuple.of(timeoutMs / 2 + "ms", timeoutMs * 4 / 5 + "ms"));
  }

  private static <T> Future<T> inTime(T result, long deadline) {
    return System.nanoTime() - deadline < 0
        ? Future.succeededFuture(result)
        : Future.failedFuture(new TimeoutException("late, rolled back"));
  }

  static Future<Void> announce(SqlConnection c, String payload) {
    return c.preparedQuery("SELECT pg_notify($1, $2)")
        .execute(Tuple.of(CHANNEL, payload))
        .mapEmpty();
  }

  private <T> Future<T> classified(Throwable failure) {
    if (failure instanceof PgException e) {
      return Future.failedFuture(classify(e));
    }
    if (failure instanceof TimeoutException) {
      return Future.failedFuture(
          new RegistryException.Unavailable(
              "the registry database did not answer within " + timeoutMs + " ms", failure));
    }
    if (failure instanceof VertxException || failure instanceof IOException) {
      return Future.failedFuture(
          new RegistryException.Unavailable("the registry database is away", failure));
    }
    return Future.failedFuture(failure);
  }

  private static RuntimeException classify(PgException e) {
    String state = String.valueOf(e.getSqlState());
    if (state.equals("23505") && "deployment_idempotency_key".equals(e.getConstraint())) {
      return new RegistryException.KeyReused(
          "the idempotency key was used at the same time for another request");
    }
    if (state.equals(REFUSED)) {
      return new RegistryException.Conflict(String.valueOf(e.getErrorMessage()));
    }
    if (state.equals("23505")) {
      return new RegistryException.Conflict("another call did this at the same time");
    }
    boolean away =
        AWAY_STATES.contains(state)
            || (state.length() == 5 && AWAY_CLASSES.contains(state.substring(0, 2)));
    return away
        ? new RegistryException.Unavailable(
            "the registry database refused the call, SQLSTATE " + state, e)
        : e;
  }
}
