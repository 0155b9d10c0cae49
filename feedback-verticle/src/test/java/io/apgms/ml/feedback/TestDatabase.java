package io.apgms.ml.feedback;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.flywaydb.core.Flyway;

/** A fresh database on the one PostgreSQL of this JVM, migrated, with its pool. */
final class TestDatabase {
  private static final EmbeddedPostgres POSTGRES = start();

  /** The pool's; what works with the pool on a loop of its own is deployed there. */
  static final Vertx VERTX = Vertx.vertx();

  /** As this replica sees them. */
  static final Spools SPOOLS = new Spools("here");

  private static final AtomicInteger COUNT = new AtomicInteger();

  final String name = "feedback_" + COUNT.incrementAndGet();
  final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  final Pool pool = pool(POSTGRES.getPort(), name);
  final Database db = database(5_000);

  TestDatabase() {
    this("latest");
  }

  /** Migrated up to that version. */
  TestDatabase(String version) {
    sql("postgres", "CREATE DATABASE " + name);
    migrate(version);
  }

  void migrate(String version) {
    Flyway.configure()
        .dataSource(url(), "postgres", "")
        .schemas("feedback")
        .locations("classpath:db/feedback")
        .target(version)
        .load()
        .migrate();
  }

  String url() {
    return POSTGRES.getJdbcUrl("postgres", name);
  }

  Shipper shipper(Spool spool) {
    Shipper shipper = new Shipper(spool, new PredictionClock(), options(Path.of("unused")));
    var unused = shipper.start();
    return shipper;
  }

  GroupCommit commits() {
    return commits(db);
  }

  static GroupCommit commits(Database db) {
    return new GroupCommit(VERTX.getOrCreateContext(), db);
  }

  Database database(long timeoutMs) {
    return new Database(VERTX, pool, server(POSTGRES.getPort(), name), timeoutMs);
  }

  DirectConnections direct() {
    return new DirectConnections(options(Path.of("unused")));
  }

  FeedbackOptions options(Path spool) {
    return new FeedbackOptions(
        "here",
        spool,
        1 << 20,
        spool.resolveSibling("redaction"),
        url(),
        "postgres",
        "",
        pool,
        server(POSTGRES.getPort(), name),
        5_000,
        meters);
  }

  /** A database that nobody can reach. */
  static Database away(long timeoutMs) {
    return new Database(VERTX, pool(1, "none"), server(1, "none"), timeoutMs);
  }

  long count(String from) {
    return get(pool.query("SELECT count(*) FROM " + from).execute()).iterator().next().getLong(0);
  }

  private static Pool pool(int port, String database) {
    return PgBuilder.pool()
        .connectingTo(server(port, database))
        .with(new PoolOptions().setMaxSize(4).setMaxWaitQueueSize(64))
        .using(VERTX)
        .build();
  }

  private static PgConnectOptions server(int port, String database) {
    return new PgConnectOptions()
        .setHost("localhost")
        .setPort(port)
        .setUser("postgres")
        .setPassword("")
        .setCachePreparedStatements(true)
        .setDatabase(database);
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
