package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpoolsTest {
  private static final long MARK = 1_763_900_000_000L; // the other replica's
  private static final long HOUR = 3_600_000;

  @TempDir Path dir;
  private final TestDatabase database = new TestDatabase();
  private final Decisions decisions = new Decisions(31);
  private final Spools here = TestDatabase.SPOOLS;

  private void published(String replica, long shippedMs, String seenAgo) {
    database.sql(
        "INSERT INTO feedback.spool VALUES ('%s', %d, clock_timestamp() - interval '%s')"
            .formatted(replica, shippedMs, seenAgo));
  }

  private Throwable answer(UUID id, UnaryOperator<String> broken) {
    Future<Object> asked =
        here.unknown(id, (sql, values) -> database.db.read(broken.apply(sql), values));
    return asked
        .map(found -> (Throwable) new AssertionError("found"))
        .otherwise(e -> e)
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(10, TimeUnit.SECONDS)
        .join();
  }

  /** What is to be said of an id nobody found. */
  private record Case(String of, UUID id, Class<?> expected) {}

  /** One other replica that is silent for a month, its mark; a decision that came meanwhile. */
  private List<Case> cases() {
    published("here", 0, "0");
    published("there", MARK, "31 days");
    Decision stored = Decisions.plain(decisions.id(MARK - 1_000), true, false);
    TestDatabase.get(database.commits().commit(stored));
    Class<?> unknown = FeedbackException.NotFound.class;
    Class<?> elsewhere = FeedbackException.Elsewhere.class;
    long now = System.currentTimeMillis();
    return List.of(
        new Case("shipped before", decisions.id(MARK - 1), unknown),
        new Case("at the mark", decisions.id(MARK), elsewhere),
        new Case("after it, though its replica is silent", decisions.id(now), elsewhere),
        new Case("a clock an hour ahead", decisions.id(now + HOUR), elsewhere),
        new Case("of tomorrow", decisions.id(now + 24 * HOUR), unknown),
        new Case("of no time", UUID.randomUUID(), unknown),
        new Case("stored meanwhile", stored.id(), elsewhere));
  }

  private List<String> wrong(List<Case> cases, UnaryOperator<String> broken) {
    List<String> wrong = new ArrayList<>();
    for (Case c : cases) {
      if (!c.expected().isInstance(answer(c.id(), broken))) {
        wrong.add(c.of());
      }
    }
    return wrong;
  }

  @Test
  void unknown_ofEachKind_isNotFoundOrElsewhere() {
    assertThat(wrong(cases(), sql -> sql)).isEmpty();
  }

  /** The controls: each rule left out is noticed. */
  @Test
  void unknown_withARuleLeftOut_isCaught() {
    List<Case> cases = cases();
    Map<String, String> rules =
        Map.of(
            "s.shipped_ms <= i.ms", "s.shipped_ms < i.ms",
            "AND s.shipped_ms", "AND s.seen_at > now() - interval '1 minute' AND s.shipped_ms",
            "s.replica <> $3", "$3::text IS NOT NULL",
            "i.ms < extract(epoch FROM clock_timestamp()) * 1000 + 7200000", "true",
            "EXISTS (SELECT 1 FROM feedback.decision d WHERE d.id = i.id) OR", "");
    rules.forEach(
        (rule, broken) -> {
          assertThat(Spools.UNSETTLED_HERE).contains(rule);
          assertThat(wrong(cases, sql -> sql.replace(rule, broken))).as(rule).isNotEmpty();
        });
  }

  @Test
  void unknown_noUuidOfVersionSeven_isNotAskedFor() {
    Future<RowSet<Row>> away = Future.failedFuture("asked");
    assertThatThrownBy(
            () -> TestDatabase.get(here.unknown(UUID.randomUUID(), (sql, values) -> away)))
        .isInstanceOf(FeedbackException.NotFound.class);
  }

  @Test
  void unsettled_ofMany_areThoseThatMayYetBeFound() throws Exception {
    List<Case> cases = cases();
    List<UUID> expected =
        cases.stream()
            .filter(c -> c.expected() == FeedbackException.Elsewhere.class)
            .map(Case::id)
            .toList();
    try (Connection connection = DriverManager.getConnection(database.url(), "postgres", "")) {
      assertThat(here.unsettled(connection, cases.stream().map(Case::id).toList()))
          .containsExactlyInAnyOrderElementsOf(expected);
    }
  }

  @Test
  void lock_ofAReplicaThatLives_isRefused() {
    published("there", MARK, "9 seconds");
    assertThatThrownBy(() -> forget("there"))
        .isInstanceOf(FeedbackException.Live.class)
        .hasMessageContaining("expected one that is silent for 10000 ms");
    assertThatThrownBy(() -> forget("nobody")).isInstanceOf(FeedbackException.NotFound.class);
    assertThat(database.count("feedback.spool")).isEqualTo(1);
  }

  @Test
  void forget_ofOneThatIsSilent_endsTheWaiting() {
    published("there", MARK, "11 seconds");
    UUID id = decisions.id(MARK + 1);
    assertThat(answer(id, sql -> sql)).isInstanceOf(FeedbackException.Elsewhere.class);
    assertThat(forget("there").shippedBefore().toEpochMilli()).isEqualTo(MARK);
    assertThat(answer(id, sql -> sql)).isInstanceOf(FeedbackException.NotFound.class);
  }

  private Spools.View forget(String replica) {
    return TestDatabase.get(
        database.db.write(
            c ->
                Spools.lock(c, replica)
                    .compose(spool -> Spools.forget(c, replica).map(v -> spool))));
  }

  @Test
  void publish_whatWaitsAndWhatIsOnItsWay_isNotPassed() throws Exception {
    AtomicLong now = new AtomicLong(MARK + HOUR);
    PredictionClock clock = new PredictionClock(now::get);
    PredictionClock.Lane lane = clock.lane();
    published("silent", MARK, "1 minute");
    try (Spool spool = Spool.open(dir, 1 << 20);
        Connection connection = DriverManager.getConnection(database.url(), "postgres", "")) {
      Decision waits = decisions.next(decisions.id(MARK));
      spool.append(List.of(waits));
      publish(spool, clock, connection);
      assertThat(shipped()).isEqualTo(MARK);
      spool.remove(spool.read(new UUID(0, 0), 1));
      lane.open();
      now.addAndGet(HOUR);
      publish(spool, clock, connection);
      assertThat(shipped()).isEqualTo(MARK + HOUR);
      lane.close();
      publish(spool, clock, connection);
      assertThat(shipped()).isEqualTo(MARK + 2 * HOUR);
      assertThat(database.meters.get("apgms_ml_telemetry_silent_spools").gauge().value())
          .isEqualTo(1);
    }
  }

  private void publish(Spool spool, PredictionClock clock, Connection connection) throws Exception {
    database.meters.clear();
    new Watermark(spool, clock, here, database.meters).publish(connection);
  }

  private long shipped() {
    String sql = "SELECT shipped_ms FROM feedback.spool WHERE replica = $1";
    return TestDatabase.get(database.db.read(sql, Tuple.of("here"))).iterator().next().getLong(0);
  }
}
