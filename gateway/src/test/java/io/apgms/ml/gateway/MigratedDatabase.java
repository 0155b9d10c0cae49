package io.apgms.ml.gateway;

import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.registry.RegistryDatabase;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.Pool;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A real PostgreSQL with all migrations, and a Vert.x to reach it by, for the tests of a class. */
public final class MigratedDatabase implements AutoCloseable {
  private final EmbeddedPostgres postgres;
  private final Vertx vertx = Vertx.vertx();

  private MigratedDatabase(EmbeddedPostgres postgres) {
    this.postgres = postgres;
  }

  public static MigratedDatabase start() throws Exception {
    MigratedDatabase database =
        new MigratedDatabase(EmbeddedPostgres.builder().setServerConfig("fsync", "off").start());
    Database.migrate(database.address());
    return database;
  }

  public DatabaseAddress address() {
    return DatabaseAddress.parse(
        "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/postgres");
  }

  public Vertx vertx() {
    return vertx;
  }

  /** Two connections, for a test named so. */
  public Pool pool(String name) {
    return Database.pool(vertx, address(), name, 2, 5_000);
  }

  public RegistryDatabase registry(String name) {
    return new RegistryDatabase(pool(name), Duration.ofSeconds(5));
  }

  public Connection connect() throws SQLException {
    return postgres.getPostgresDatabase().getConnection();
  }

  public void sql(String statement) throws SQLException {
    try (Connection c = connect();
        Statement s = c.createStatement()) {
      s.execute(statement);
    }
  }

  /** What a future gives within 20 s. */
  public static <T> T get(Future<T> future) {
    return future.toCompletionStage().toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
  }

  @Override
  public void close() throws IOException {
    get(vertx.close());
    postgres.close();
  }
}
