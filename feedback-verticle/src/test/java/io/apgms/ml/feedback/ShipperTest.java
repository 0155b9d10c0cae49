package io.apgms.ml.feedback;

import static io.apgms.ml.feedback.CopyTupleTest.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.sqlclient.Tuple;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.WriteOptions;

class ShipperTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  @TempDir Path dir;
  private final TestDatabase database = new TestDatabase();
  private final Decisions decisions = new Decisions(11);
  private Spool spool;
  private Shipper shipper;

  @BeforeEach
  void open() {
    spool = Spool.open(dir, 64 << 20);
  }

  @AfterEach
  void close() throws Exception {
    if (shipper == null || shipper.stop()) {
      spool.close();
    }
  }

  private void ship() throws InterruptedException {
    if (shipper == null) {
      shipper = database.shipper(spool);
    }
    assertThat(shipper.flush(BOUND)).as("shipped in time").isTrue();
  }

  private Decision stored(UUID id) {
    String sql = "SELECT " + DecisionRows.COLUMNS + " FROM feedback.decision d WHERE id = $1";
    return DecisionRows.decision(
        TestDatabase.get(database.db.read(sql, Tuple.of(id))).iterator().next());
  }

  private double dropped() {
    return database.meters.get("apgms_ml_telemetry_dropped").counter().count();
  }

  @Test
  void ship_tenThousand_eachIsThereOnceAndTheSame() throws Exception {
    List<Decision> all = decisions.list(10_000);
    for (int i = 0; i < all.size(); i += 100) {
      spool.append(all.subList(i, i + 100));
    }
    ship();
    assertThat(database.count("feedback.decision")).isEqualTo(10_000);
    for (int i = 0; i < all.size(); i += 97) {
      assertSame(stored(all.get(i).id())).isEqualTo(all.get(i));
    }
    assertThat(dropped()).isZero();
  }

  @Test
  void ship_rowsThatAreThereAlready_arePassedOver() throws Exception {
    List<Decision> all = decisions.list(1_000);
    spool.append(all);
    ship();
    spool.append(all.subList(500, 600)); // as after a crash between commit and removal
    spool.append(decisions.list(10));
    ship();
    assertThat(database.count("feedback.decision")).isEqualTo(1_010);
    assertThat(dropped()).isZero();
  }

  @Test
  void ship_oneRowThatTheTableRefuses_dropsThatOneAlone() throws Exception {
    spool.append(decisions.list(700));
    spool.append(List.of(Decisions.refused(decisions.next().id())));
    spool.append(decisions.list(700));
    ship();
    assertThat(database.count("feedback.decision")).isEqualTo(1_400);
    assertThat(dropped()).isEqualTo(1);
  }

  @Test
  void ship_tableAwayForAWhile_shipsAfterwards() throws Exception {
    database.sql("ALTER TABLE feedback.decision RENAME TO gone");
    shipper = database.shipper(spool);
    spool.append(decisions.list(100));
    assertThat(shipper.flush(Duration.ofMillis(500))).isFalse();
    assertThat(database.meters.get("apgms_ml_telemetry_lag_seconds").gauge().value()).isPositive();
    database.sql("ALTER TABLE feedback.gone RENAME TO decision");
    ship();
    assertThat(database.count("feedback.decision")).isEqualTo(100);
  }

  @Test
  void ship_databaseAwayFromTheStart_saysHowLongRowsWait() throws Exception {
    FeedbackOptions of = database.options(Path.of("unused"));
    FeedbackOptions away =
        new FeedbackOptions(
            of.replica(),
            of.spoolDir(),
            of.spoolMaxBytes(),
            of.redactionKeys(),
            "jdbc:postgresql://127.0.0.1:1/none",
            of.user(),
            of.password(),
            of.pool(),
            of.server(),
            of.timeoutMs(),
            of.meters());
    shipper = new Shipper(spool, new PredictionClock(), away);
    spool.append(decisions.list(100));
    var unused = shipper.start();
    assertThat(shipper.flush(Duration.ofMillis(500))).isFalse();
    assertThat(database.meters.get("apgms_ml_telemetry_lag_seconds").gauge().value()).isPositive();
  }

  /** Appends and cuts the shipper's connection so many times; how many rows were appended. */
  private int appendAndCut(int times) throws Exception {
    for (int i = 0; i < times; i++) {
      spool.append(decisions.list(2_000));
      database.sql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              + " WHERE application_name = 'ml-service-shipper' AND datname = current_database()");
    }
    return times * 2_000;
  }

  @Test
  void ship_connectionCut_losesAndDoublesNothing() throws Exception {
    shipper = database.shipper(spool);
    int appended = appendAndCut(20);
    ship();
    assertThat(database.count("feedback.decision")).isEqualTo(appended);
  }

  /** The control: one that takes rows out of the spool before they are committed is caught. */
  @Test
  void ship_removedBeforeTheCommit_losesSome() throws Exception {
    shipper =
        new Shipper(spool, new PredictionClock(), database.options(dir)) {
          @Override
          void move(Connection connection, List<Spool.Row> rows) throws SQLException {
            spool.remove(rows);
            ship(connection, rows);
          }
        };
    var unused = shipper.start();
    int appended = 0;
    long stored;
    do {
      appended += appendAndCut(10);
      ship();
      stored = database.count("feedback.decision");
    } while (stored == appended && appended < 200_000);
    assertThat(stored).isLessThan(appended);
  }

  @Test
  void ship_all_isPublishedAndALatecomerHoldsItBack() throws Exception {
    spool.append(decisions.list(10));
    ship();
    long shipped = System.currentTimeMillis();
    awaitPublished("shipped_ms >= " + shipped);
    database.sql("ALTER TABLE feedback.decision RENAME TO gone");
    long late = System.currentTimeMillis() + 500; // later than a mark that is being taken now
    spool.append(List.of(decisions.next(decisions.id(late))));
    awaitPublished("shipped_ms = " + late);
    database.sql("ALTER TABLE feedback.gone RENAME TO decision");
    awaitPublished("shipped_ms > " + late);
    assertThat(database.count("feedback.decision")).isEqualTo(11);
  }

  private void awaitPublished(String what) throws InterruptedException {
    long end = System.nanoTime() + BOUND.toNanos();
    while (database.count("feedback.spool WHERE " + what) == 0) {
      assertThat(System.nanoTime()).as("published in time: " + what).isLessThan(end);
      TimeUnit.MILLISECONDS.sleep(20); // what another thread publishes twice a second
    }
  }

  /** A disk that holds the reserve and some MiB: the spool fills them, and has them back. */
  @Test
  void ship_spoolThatFilledItsDisk_takesDecisionsAgain() throws Exception {
    spool.close();
    long disk = (128L << 20) + (4L << 20);
    WriteOptions writes = new WriteOptions().setSync(false);
    spool = Spool.open(dir, 1L << 30, writes, () -> disk - used());
    while (!isRefused()) {
      assertThat(spool.bytes()).isLessThan(disk);
    }
    ship();
    awaitRoom();
    ship();
  }

  private long used() {
    try (var files = Files.list(dir)) {
      return files.mapToLong(file -> file.toFile().length()).sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean isRefused() {
    try {
      spool.append(decisions.list(100));
      return false;
    } catch (FeedbackException.SpoolFull e) {
      return true;
    }
  }

  private void awaitRoom() throws InterruptedException {
    long end = System.nanoTime() + BOUND.toNanos();
    while (isRefused()) {
      assertThat(System.nanoTime()).as("room made in time").isLessThan(end);
      TimeUnit.MILLISECONDS.sleep(20); // what another thread makes
    }
  }

  @Test
  void ship_anIdOfTheHourBefore_isFoundToo() throws Exception {
    spool.append(decisions.list(10));
    ship();
    spool.append(List.of(decisions.next(decisions.id(System.currentTimeMillis() - 3_600_000))));
    ship();
    assertThat(database.count("feedback.decision")).isEqualTo(11);
  }

  @Test
  void ship_rowsOfThisWeek_areInItsPartition() throws Exception {
    spool.append(decisions.list(10));
    ship();
    LocalDate monday =
        LocalDate.ofEpochDay((System.currentTimeMillis() / 86_400_000 - 4) / 7 * 7 + 4);
    assertThat(database.count(Partitions.name(monday))).isEqualTo(10);
  }

  @Test
  void ensure_acrossTheYear_cutsAtMondayMidnight() throws Exception {
    try (var connection = java.sql.DriverManager.getConnection(database.url(), "postgres", "")) {
      Partitions.ensure(connection, Instant.parse("2026-12-31T12:00:00Z"));
      Partitions.ensure(connection, Instant.parse("2026-12-31T12:00:00Z"));
    }
    long midnight = Instant.parse("2027-01-04T00:00:00Z").toEpochMilli();
    for (long at : new long[] {midnight - 1, midnight}) {
      spool.append(List.of(decisions.next(decisions.id(at))));
    }
    ship();
    assertThat(database.count("feedback.decision_2026w53")).isEqualTo(1);
    assertThat(database.count("feedback.decision_2027w01")).isEqualTo(1);
  }

  @Test
  void ensure_rowsInTheDefaultPartition_leavesThemThere() throws Exception {
    database.sql(
        "INSERT INTO feedback.decision VALUES ('"
            + decisions.id(System.currentTimeMillis())
            + "', now(), 'm', 'v', 'd', '{}', null, 0, 0, false, false, false, 'file', 0, null, null)");
    spool.append(decisions.list(5));
    ship();
    assertThat(database.count("feedback.decision_default")).isEqualTo(6);
  }
}
