package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.flywaydb.core.Flyway;

/** A fresh database on the one PostgreSQL of this JVM, migrated, with its pool. */
final class TestDatabase {
  private static final EmbeddedPostgres POSTGRES = start();
  private static final Vertx VERTX = Vertx.vertx();
  private static final AtomicInteger COUNT = new AtomicInteger();

  final String name = "registry_" + COUNT.incrementAndGet();
  final Pool pool;
  final RegistryDatabase registry;

  TestDatabase() {
    this(Duration.ofSeconds(5));
  }

  TestDatabase(Duration timeout) {
    sql("postgres", "CREATE DATABASE " + name);
    Flyway.configure()
        .dataSource(POSTGRES.getJdbcUrl("postgres", name), "postgres", "")
        .schemas("registry")
        .locations("classpath:db/registry")
        .load()
        .migrate();
    pool = pool(POSTGRES.getPort(), name);
    registry = new RegistryDatabase(pool, timeout);
  }

  static Pool pool(int port, String database) {
    return pool(options(port, database));
  }

  private static PgConnectOptions options(int port, String database) {
    return new PgConnectOptions()
        .setHost("localhost")
        .setPort(port)
        .setUser("postgres")
        .setPassword("")
        .setDatabase(database);
  }

  private static Pool pool(PgConnectOptions options) {
    return PgBuilder.pool()
        .connectingTo(options)
        .with(new PoolOptions().setMaxSize(4).setMaxWaitQueueSize(64))
        .using(VERTX)
        .build();
  }

  /** The statements of tools/restricted-role.sql. */
  static String restrictedRole() {
    try {
      return Files.readString(Path.of("../tools/restricted-role.sql"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same registry over connections of another role. */
  RegistryDatabase as(String role) {
    PgConnectOptions options = options(POSTGRES.getPort(), name).addProperty("role", role);
    return new RegistryDatabase(pool(options), Duration.ofSeconds(5));
  }

  Connection connect() throws SQLException {
    return POSTGRES.getDatabase("postgres", name).getConnection();
  }

  /** Runs statements as superuser with triggers off: what a tamperer can do. */
  void tamper(String statements) {
    sql(name, "SET session_replication_role = replica; " + statements);
  }

  void sql(String statements) {
    sql(name, statements);
  }

  private static void sql(String database, String statements) {
    try (var connection = POSTGRES.getDatabase("postgres", database).getConnection();
        var statement = connection.createStatement()) {
      statement.execute(statements);
    } catch (SQLException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  static <T> T get(Future<T> future) {
    try {
      return future.toCompletionStage().toCompletableFuture().get(20, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException | TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  private static EmbeddedPostgres start() {
    try {
      EmbeddedPostgres postgres =
          EmbeddedPostgres.builder().setServerConfig("fsync", "off").start();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> close(postgres)));
      return postgres;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void close(EmbeddedPostgres postgres) {
    try {
      postgres.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
