package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.gateway.History.Operation;
import io.apgms.ml.gateway.History.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills the service and PostgreSQL under load and holds what the clients were told against what is
 * stored and what arrived. Each control breaks one promise on purpose and must be found.
 */
class ITHistory {
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final int KILLS = SOAK ? 30 : 2; // of each
  private static final int OPERATIONS = SOAK ? 100_000 : 2_000; // acknowledged, at least
  private static final int CLIENTS = 24;
  private static final Duration BOUND = Duration.ofMinutes(2);
  private static final Duration BACK = Duration.ofSeconds(5);

  @TempDir Path dir;
  private final ReceivingSink sink = new ReceivingSink();
  private final SplittableRandom random = new SplittableRandom(42);
  private final List<Thread> threads = new ArrayList<>();
  private DurablePostgres postgres;
  private RunningService service;
  private History history;
  private HistoryClient.Shared shared;

  @BeforeEach
  void open() throws Exception {
    postgres = DurablePostgres.start(dir);
    service = RunningService.start(dir, Acting.settings(dir, postgres.url(), sink));
    history = new History(dir.resolve("history.ndjson"));
    shared = new HistoryClient.Shared(service.apiPort(), history);
  }

  @AfterEach
  void close() throws Exception {
    stopClients();
    history.close();
    service.close();
    sink.close();
    postgres.close();
  }

  private void startClients() {
    for (int i = 0; i < CLIENTS; i++) {
      threads.add(new Thread(new HistoryClient(shared, i), "history-client-" + i));
    }
    threads.forEach(Thread::start);
  }

  private void stopClients() throws InterruptedException {
    shared.stop = true;
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private void awaitAcknowledged(long more) throws InterruptedException {
    long until = shared.ok.sum() + more;
    RunningService.await(BOUND, () -> shared.ok.sum() >= until);
  }

  /** A random amount of work, so that the next kill falls anywhere. */
  private void work() throws InterruptedException {
    awaitAcknowledged(random.nextInt(OPERATIONS / KILLS / 2) + 1);
  }

  private void killService() throws Exception {
    long unknown = shared.unknown.sum();
    service.kill();
    service.launch();
    awaitAcknowledged(1);
    assertThat(shared.unknown.sum()).as("requests under way at a kill").isGreaterThan(unknown);
  }

  /** How long after PostgreSQL was ready something was committed again. */
  private Duration killPostgres() throws Exception {
    List<String> commandLine = postgres.kill();
    postgres.startAgain(commandLine);
    long ready = System.nanoTime();
    long committed = shared.committed.sum();
    RunningService.await(BOUND, () -> shared.committed.sum() > committed);
    return Duration.ofNanos(System.nanoTime() - ready);
  }

  private void rest() throws Exception {
    stopClients();
    RunningService.await(BOUND, () -> metric("apgms_ml_telemetry_spool_bytes") == 0);
    RunningService.await(BOUND, () -> waiting() == 0);
  }

  private long waiting() {
    try {
      return postgres.count(
          "feedback.action_outbox WHERE NOT fanned OR EXISTS (SELECT FROM feedback.action_delivery"
              + " d WHERE d.outbox_id = id AND d.state = 'pending')");
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private double metric(String name) {
    try {
      return service.metric(name);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private List<String> violations() throws Exception {
    return HistoryChecker.violations(
        History.read(dir.resolve("history.ndjson")),
        List.of(),
        HistoryTables.read(postgres.jdbcUrl()),
        sink.delivered());
  }

  @Test
  void kills_ofServiceAndPostgres_loseNothingThatWasAcknowledged() throws Exception {
    sink.delays(20); // so that kills fall amid sends
    startClients();
    Duration longestBack = Duration.ZERO;
    for (int kill = 0; kill < KILLS; kill++) {
      work();
      killService();
      work();
      Duration back = killPostgres();
      longestBack = back.compareTo(longestBack) > 0 ? back : longestBack;
    }
    RunningService.await(Duration.ofMinutes(10), () -> shared.ok.sum() >= OPERATIONS);
    rest();
    assertThat(violations()).isEmpty();
    List<Operation> all = History.read(dir.resolve("history.ndjson"));
    System.out.printf(
        "HISTORY ok %d, refused or nobody there %d, unknown %d; kills of the service %d, of PostgreSQL %d"
            + " (recoveries %d); longest answer %d ms, commits back after %d ms; events %d for %d holds%n",
        count(all, Outcome.OK),
        count(all, Outcome.FAIL),
        count(all, Outcome.UNKNOWN),
        KILLS,
        KILLS,
        postgres.recoveries(),
        shared.longestMs.get(),
        longestBack.toMillis(),
        sink.taken(),
        postgres.count("feedback.action_outbox WHERE state = 'sent'"));
    assertThat(count(all, Outcome.OK)).isGreaterThanOrEqualTo(OPERATIONS);
    assertThat(postgres.recoveries()).isEqualTo(KILLS);
    assertThat(longestBack).isLessThan(BACK);
    // A control: without the database nothing is known, and nothing is called lost.
    List<String> commandLine = postgres.kill();
    assertThatThrownBy(this::violations).isInstanceOf(SQLException.class);
    postgres.startAgain(commandLine);
  }

  private static long count(List<Operation> all, Outcome outcome) {
    return all.stream().filter(o -> o.answered().outcome() == outcome).count();
  }

  /** The control: commits that are answered before they are on disk are missed after a kill. */
  @Test
  void kill_beforeCommitsAreOnDisk_isFoundAsLost() throws Exception {
    postgres.execute(
        "ALTER SYSTEM SET wal_writer_delay = '10s'",
        "SELECT pg_reload_conf()",
        "ALTER DATABASE postgres SET synchronous_commit = off", // of sessions to come
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            + " WHERE application_name LIKE 'ml-service%'");
    startClients();
    awaitAcknowledged(500);
    killPostgres();
    rest();
    assertThat(violations()).anyMatch(v -> v.matches("lost: .* was acknowledged as .*"));
  }

  /** The control: keys that are not unique decide and label twice. */
  @Test
  void requests_repeatedWithoutAUniqueKey_areFoundTwice() throws Exception {
    for (String column : List.of("request.request_id", "model_feedback.idempotency_key")) {
      String table = column.replaceAll("\\..*", "");
      String key = column.replaceAll(".*\\.", "");
      postgres.execute(
          "CREATE FUNCTION public."
              + table
              + "_forgets() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW."
              + key
              + " := NEW."
              + key
              + " || gen_random_uuid(); RETURN NEW; END $$",
          "CREATE TRIGGER forgets BEFORE INSERT ON feedback."
              + table
              + " FOR EACH ROW EXECUTE FUNCTION public."
              + table
              + "_forgets()");
    }
    startClients();
    awaitAcknowledged(1_000);
    rest();
    List<String> found = violations();
    assertThat(found).anyMatch(v -> v.startsWith("twice: ") && v.contains("is stored"));
    assertThat(found).anyMatch(v -> v.startsWith("twice: ") && v.contains("one truth"));
  }

  /** The control: a dispatcher that marks before it sends loses what was under way at a kill. */
  @Test
  void kill_ofADispatcherThatMarksBeforeItSends_isFoundAsLost() throws Exception {
    postgres.execute(
        "CREATE FUNCTION public.hasty() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            + " NEW.state := 'sent'; RETURN NEW; END $$",
        "CREATE TRIGGER hasty BEFORE UPDATE ON feedback.action_delivery FOR EACH ROW"
            + " WHEN (NEW.fence IS DISTINCT FROM OLD.fence) EXECUTE FUNCTION public.hasty()");
    sink.delays(100);
    startClients();
    for (int kill = 1; kill <= 5; kill++) { // one may come when nothing is between mark and send
      awaitAcknowledged(300);
      killService();
    }
    rest();
    assertThat(violations()).anyMatch(v -> v.endsWith(" never arrived"));
  }
}
