package io.apgms.ml.gateway.database;

import io.vertx.core.Vertx;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.flywaydb.core.Flyway;

/** The one connection pool and the migrations of the modules that own tables. */
public final class Database {
  private Database() {}

  /** Connection options with every wait bounded on the server. */
  public static PgConnectOptions connectOptions(DatabaseAddress at, int timeoutMs) {
    return new PgConnectOptions()
        .setHost(at.host())
        .setPort(at.port())
        .setDatabase(at.database())
        .setUser(at.user())
        .setPassword(at.password())
        .setCachePreparedStatements(true)
        .setPreparedStatementCacheMaxSize(64)
        .addProperty("application_name", "ml-service")
        .addProperty("statement_timeout", Integer.toString(timeoutMs))
        .addProperty("lock_timeout", Integer.toString(Math.max(1, timeoutMs / 2)))
        .addProperty("idle_in_transaction_session_timeout", "10000");
  }

  /**
   * A pool whose every wait is bounded: the stock one hangs as long as a frozen server does.
   *
   * @param name pools of one name are one pool
   */
  public static Pool pool(Vertx vertx, DatabaseAddress at, String name, int size, int timeoutMs) {
    PoolOptions pool =
        new PoolOptions()
            .setMaxSize(size)
            .setMaxWaitQueueSize(256)
            .setConnectionTimeout(timeoutMs)
            .setConnectionTimeoutUnit(TimeUnit.MILLISECONDS)
            .setMaxLifetime(30)
            .setMaxLifetimeUnit(TimeUnit.MINUTES)
            .setIdleTimeout(10)
            .setIdleTimeoutUnit(TimeUnit.MINUTES)
            .setName(name)
            .setShared(true);
    return PgBuilder.pool()
        .connectingTo(connectOptions(at, timeoutMs))
        .with(pool)
        .using(vertx)
        .build();
  }

  /**
   * What a migration has come to.
   *
   * @param version the newest that is applied, by this release or a later one
   * @param applied by this call
   */
  public record Migrated(String schema, String version, int applied) {}

  /** Brings both modules' schemas up to date. Blocking; safe with several replicas at once. */
  public static List<Migrated> migrate(DatabaseAddress at) {
    List<Migrated> migrated = new ArrayList<>();
    for (String schema : new String[] {"registry", "feedback"}) {
      Flyway flyway =
          Flyway.configure()
              .dataSource(
                  at.jdbcUrl() + "?connectTimeout=5&socketTimeout=60", at.user(), at.password())
              .locations("classpath:db/" + schema)
              .schemas(schema)
              .defaultSchema(schema)
              .connectRetries(0)
              .load();
      int applied = flyway.migrate().migrationsExecuted;
      migrated.add(
          new Migrated(schema, String.valueOf(flyway.info().current().getVersion()), applied));
    }
    return migrated;
  }
}
