package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Transaction;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class DatabaseTest {
  private static final String V1 = "20261101";
  private static final String V2 = "20261108";

  private static RollbackCommand command() {
    return new RollbackCommand("m1", "ann", "why", null, null, null, null);
  }

  private static void bootstrap(TestDatabase database) {
    List<VersionDigest> shipped =
        List.of(
            new VersionDigest(V1, DeploymentsTest.digest(V1), List.of()),
            new VersionDigest(V2, DeploymentsTest.digest(V2), List.of()));
    get(database.registry.deployments().bootstrap("m1", shipped, "x"));
  }

  private static long millis(Future<?> call) {
    long start = System.nanoTime();
    assertThatThrownBy(() -> get(call)).isInstanceOf(RegistryException.Unavailable.class);
    return (System.nanoTime() - start) / 1_000_000;
  }

  @Test
  void write_lockHeldElsewhere_isUnavailableWithinTheBoundAndChangesNothing() {
    TestDatabase database = new TestDatabase(Duration.ofSeconds(1));
    bootstrap(database);
    SqlConnection other = get(database.pool.getConnection());
    Transaction held = get(other.begin());
    get(other.query("SELECT 1 FROM registry.pointer FOR UPDATE").execute());
    assertThat(millis(database.registry.deployments().rollback(command()))).isLessThan(3_000);
    get(held.rollback());
    get(other.close());
    assertThat(get(database.registry.deployments().history("m1"))).hasSize(2);
    assertThat(get(database.registry.deployments().rollback(command())).to()).isEqualTo(V1);
  }

  @Test
  void write_workEndsPastTheBound_isNotCommitted() {
    TestDatabase migrated = new TestDatabase();
    Database database = new Database(migrated.pool, Duration.ofMillis(200));
    AuditLog audit = migrated.registry.audit();
    Future<?> late =
        database.write(
            c ->
                audit
                    .append(c, new AuditRecord("ann", "x", "y", java.util.Map.of()))
                    .compose(e -> slow(migrated.pool)));
    assertThat(millis(late)).isLessThan(900);
    // The append below waits for the late transaction's lock, so it sees how that one ended.
    get(audit.append(new AuditRecord("ann", "x", "y", java.util.Map.of())));
    assertThat(get(audit.head()).seq()).isEqualTo(1);
  }

  /** 1 s on another connection, where no statement_timeout ends it. */
  private static Future<Void> slow(Pool pool) {
    return pool.query("SELECT pg_sleep(1)").execute().mapEmpty();
  }

  @Test
  void read_serverThatNeverAnswers_isUnavailableWithinTheBound() throws Exception {
    try (ServerSocket silent = new ServerSocket(0)) {
      Pool pool = TestDatabase.pool(silent.getLocalPort(), "none");
      RegistryDatabase registry = new RegistryDatabase(pool, Duration.ofMillis(300));
      assertThat(millis(registry.controlState())).isLessThan(2_000);
      assertThat(millis(registry.forcedModes().force("ann", "why", null, null))).isLessThan(2_000);
    }
  }

  @Test
  void read_serverAway_isUnavailable() throws Exception {
    int port;
    try (ServerSocket closed = new ServerSocket(0)) {
      port = closed.getLocalPort();
    }
    RegistryDatabase registry =
        new RegistryDatabase(TestDatabase.pool(port, "none"), Duration.ofSeconds(2));
    millis(registry.controlState());
    millis(registry.deployments().rollback(command()));
  }

  @Test
  void controlState_readOnlyServer_isUnavailable() {
    TestDatabase database = new TestDatabase();
    bootstrap(database);
    assertThat(get(database.registry.controlState()).pointers()).hasSize(1);
    database.sql("ALTER DATABASE " + database.name + " SET default_transaction_read_only = on");
    database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"
            + database.name
            + "' AND pid <> pg_backend_pid()");
    // The first calls may still meet the ended connections: those are Unavailable as well.
    for (int i = 0; i < 6; i++) {
      millis(database.registry.controlState());
      millis(database.registry.deployments().rollback(command()));
    }
    assertThatThrownBy(() -> get(database.registry.controlState()))
        .hasMessageContaining("read-only, expected the primary");
  }

  @Test
  void timeout_below10Ms_isRefused() {
    TestDatabase database = new TestDatabase();
    assertThatThrownBy(() -> new RegistryDatabase(database.pool, Duration.ofMillis(9)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
