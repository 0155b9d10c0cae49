package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.feedback.ActionSink;
import io.apgms.ml.gateway.History.Operation;
import io.apgms.ml.gateway.HistoryChecker.Delivered;
import io.apgms.ml.gateway.HistoryChecker.Flip;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Observe forced and lifted over three real gateways and one PostgreSQL, with holds on their way to
 * a slow receiver and more of them waiting; the flags file says act all the time. What the clients
 * were told, what is stored and what the receiver got is held against each other afterwards. All
 * clocks are this machine's one.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITFlips {
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final int FLIPS = SOAK ? 200 : 12;
  private static final int REPLICAS = 3;
  private static final int ASLEEP = 1;
  private static final int CUT = 2; // its path to PostgreSQL leads through Toxiproxy
  private static final int CLIENTS = 24;
  private static final long PAUSE_NANOS =
      TimeUnit.MILLISECONDS.toNanos(60); // 300 requests a second
  private static final int CONCURRENCY = 2;
  private static final long RECEIVER_MS =
      300; // 20 holds a second over all replicas, a third of them
  private static final int STARTS = 8; // before each flip, at least
  private static final int BACKLOG = 10;
  private static final Duration BOUND = Duration.ofSeconds(40);

  private static final Duration LEASE = Duration.ofSeconds(2);
  private static final Duration ANSWERED = Duration.ofMillis(2_500);
  private static final Duration NAP = Duration.ofMillis(700); // its lease has not run out then
  private static final Duration SHORT = Duration.ofMillis(400);
  private static final Duration LONG = HistoryChecker.LATEST_START.plusMillis(100);
  private static final Duration AFTER = Duration.ofMillis(500); // for who is back to do wrong
  private static final Duration FLOWING = Duration.ofSeconds(1);

  /**
   * What is promised is three seconds; with the answer of this route it is over with the answer.
   */
  private static final long SETTLED_MS = 250;

  private enum Fault {
    NONE,
    NAP,
    SLEEP,
    CUT
  }

  @TempDir static Path dir;
  private static final ReceivingSink sink = new ReceivingSink();
  private static final List<RunningService> replicas = new ArrayList<>();
  private static final List<String> tokens = new ArrayList<>();
  private static final List<Flip> flips = new ArrayList<>();
  private static final List<Long> readMs = new ArrayList<>(); // answers where all had read it
  private static final List<Long> leaseMs = new ArrayList<>();
  private static DurablePostgres postgres;
  private static Toxiproxy network;

  @BeforeAll
  static void open() throws Exception {
    postgres = DurablePostgres.start(dir);
    network = new Toxiproxy(dir, postgres.port());
    Path flags = dir.resolve("flags.json");
    String shipped = Files.readString(RunningService.HOME.resolve("conf/flags.json"));
    Files.writeString(flags, shipped.replace("observe", "act"));
    replicas.add(start(0)); // it migrates
    List<CompletableFuture<RunningService>> others = new ArrayList<>();
    for (int i = 1; i < REPLICAS; i++) {
      int replica = i;
      others.add(CompletableFuture.supplyAsync(() -> start(replica)));
    }
    others.forEach(other -> replicas.add(other.join()));
    for (RunningService replica : replicas) {
      tokens.add(replica.token("oncall"));
    }
  }

  private static RunningService start(int replica) {
    Map<String, String> settings = new HashMap<>();
    int port = replica == CUT ? network.port() : postgres.port();
    settings.put(
        "ML_DATABASE_URL", "postgresql://postgres:postgres@127.0.0.1:" + port + "/postgres");
    settings.put("ML_FLAGS_FILE", dir.resolve("flags.json").toString());
    settings.put("ML_ACTION_SINKS", sink.url());
    settings.put("ML_ACTION_SECRET", ReceivingSink.SECRET);
    settings.put("ML_ACTION_ALLOW_PRIVATE", "true");
    settings.put("ML_ACTION_CAP", "1000000");
    settings.put("ML_ACTION_CONCURRENCY", Integer.toString(CONCURRENCY));
    try {
      return RunningService.start(dir.resolve("r" + replica), settings);
    } catch (Exception e) {
      throw new AssertionError("replica " + replica, e);
    }
  }

  @AfterAll
  static void close() throws Exception {
    replicas.forEach(replica -> replica.handle().destroyForcibly());
    network.close();
    sink.close();
    postgres.close();
  }

  /** Clients of all replicas, and what they were told. */
  private static final class Clients implements AutoCloseable {
    private final Path file;
    private final History history;
    private final List<HistoryClient.Shared> shared = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    Clients(String name, int firstNumber) throws IOException {
      file = dir.resolve(name + ".ndjson");
      history = new History(file);
      for (RunningService replica : replicas) {
        HistoryClient.Shared of = new HistoryClient.Shared(replica.apiPort(), history);
        of.pauseNanos = PAUSE_NANOS;
        shared.add(of);
      }
      for (int i = 0; i < CLIENTS; i++) {
        HistoryClient client = new HistoryClient(shared.get(i % REPLICAS), firstNumber + i);
        threads.add(new Thread(client, "flips-client-" + i));
      }
      threads.forEach(Thread::start);
    }

    List<Operation> told() throws IOException {
      return History.read(file);
    }

    @Override
    public void close() throws IOException {
      shared.forEach(of -> of.stop = true);
      try {
        for (Thread thread : threads) {
          thread.join();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      history.close();
    }
  }

  /** Every fault, flips that outlast the bound and short ones. */
  private static Fault fault(int flip) {
    if (SOAK) {
      return Fault.values()[flip / 2 % Fault.values().length];
    }
    return switch (flip) {
      case 3 -> Fault.NAP;
      case 6 -> Fault.CUT;
      case 9 -> Fault.SLEEP;
      default -> Fault.NONE;
    };
  }

  private static boolean outlastsTheBound(int flip) {
    return SOAK ? flip % 2 == 0 : flip == 9;
  }

  private static long count(String from) {
    try {
      return postgres.count(from);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean acts(RunningService replica) {
    try {
      HttpResponse<String> answer = replica.api("POST", "/ml/score", ITFaults.CALM);
      return answer.statusCode() == 200
          && RunningService.json(answer).at("/decision/mode").asText().equals("act");
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Until holds go out, more of them wait, and every replica acts: else a flip shows nothing. */
  private static void awaitFlowing() throws InterruptedException {
    int before = sink.taken();
    String waiting = "(SELECT FROM feedback.action_delivery WHERE state = 'pending' LIMIT 10) w";
    RunningService.await(
        BOUND,
        () ->
            sink.taken() - before >= STARTS
                && count(waiting) >= BACKLOG
                && replicas.stream().allMatch(ITFlips::acts));
  }

  /** The time itself is what is waited for. */
  private static void awaitUntil(Instant time) throws InterruptedException {
    RunningService.await(BOUND, () -> !Instant.now().isBefore(time));
  }

  private static HttpResponse<String> mode(int replica, String method, String body) {
    try {
      return replicas
          .get(replica)
          .management(method, "/admin/decision-mode", body, tokens.get(replica));
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void begin(Fault fault) throws Exception {
    switch (fault) {
      case NAP, SLEEP -> replicas.get(ASLEEP).signal("STOP");
      case CUT -> {
        network.add("timeout", "upstream", Map.of("timeout", 0));
        network.add("timeout", "downstream", Map.of("timeout", 0));
      }
      case NONE -> {}
    }
  }

  private static void end(Fault fault) throws Exception {
    switch (fault) {
      case NAP, SLEEP -> replicas.get(ASLEEP).signal("CONT");
      case CUT -> {
        network.remove("timeout", "upstream");
        network.remove("timeout", "downstream");
      }
      case NONE -> {}
    }
  }

  private static Flip flip(int number, Fault fault, boolean outlastsTheBound) throws Exception {
    awaitFlowing();
    int asks = fault == Fault.NONE ? number % REPLICAS : 0;
    Duration held = outlastsTheBound ? LONG : SHORT;
    Instant asked;
    Instant acked;
    begin(fault);
    try {
      asked = Instant.now();
      CompletableFuture<HttpResponse<String>> answer =
          CompletableFuture.supplyAsync(
              () -> mode(asks, "PUT", "{\"mode\":\"observe\",\"reason\":\"drill\"}"));
      if (fault == Fault.NAP) {
        awaitUntil(asked.plus(NAP));
        end(fault);
      }
      HttpResponse<String> forced = answer.join();
      acked = Instant.now();
      acknowledged(fault, forced);
      awaitUntil(acked.plus(held));
    } finally {
      end(fault); // also where it failed: clients wait for their answers
    }
    awaitUntil(acked.plus(held).plus(AFTER));
    Instant lifted = Instant.now();
    HttpResponse<String> lift = mode(0, "DELETE", "{\"reason\":\"over\"}");
    assertThat(lift.statusCode()).as(lift.body()).isIn(200, 202);
    return new Flip(asked, acked, lifted);
  }

  /** In force on all three; who could not say so by its lease. */
  private static void acknowledged(Fault fault, HttpResponse<String> answer) throws IOException {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    JsonNode said = RunningService.json(answer);
    assertThat(said.path("replicas")).as(answer.body()).hasSize(REPLICAS);
    long tookMs = said.path("tookMs").asLong();
    assertThat(tookMs).isLessThanOrEqualTo(ANSWERED.toMillis());
    boolean lease = answer.body().contains("\"lease\"");
    if (fault == Fault.SLEEP || fault == Fault.CUT) {
      assertThat(lease).as(answer.body()).isTrue();
      assertThat(tookMs).isGreaterThanOrEqualTo(LEASE.toMillis());
    }
    (lease ? leaseMs : readMs).add(tookMs);
  }

  private static List<String> violations(List<Operation> told, List<Delivered> received)
      throws Exception {
    return HistoryChecker.violations(told, flips, HistoryTables.read(postgres.jdbcUrl()), received);
  }

  private static void awaitRest() throws InterruptedException {
    sink.delays(0);
    RunningService.await(
        BOUND,
        () ->
            count("feedback.action_outbox WHERE state = 'pending'") == 0
                && replicas.stream().allMatch(ITFlips::shipped));
  }

  private static boolean shipped(RunningService replica) {
    try {
      return replica.metric("apgms_ml_telemetry_spool_bytes") == 0;
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  @Order(1)
  void flips_underFaults_areFollowedByNoStart() throws Exception {
    sink.delays(RECEIVER_MS);
    Clients clients = new Clients("history", 0);
    try (clients) {
      for (int i = 0; i < FLIPS; i++) {
        flips.add(flip(i, fault(i), outlastsTheBound(i)));
      }
    }
    awaitRest();
    assertThat(violations(clients.told(), sink.delivered())).isEmpty();
    TreeSet<Instant> starts =
        sink.log().stream()
            .filter(e -> e.action().equals("hold"))
            .map(ReceivingSink.Event::checkedAt)
            .collect(Collectors.toCollection(TreeSet::new));
    List<Long> afterAsked = new ArrayList<>();
    List<Long> afterAck = new ArrayList<>();
    int effective = 0;
    for (Flip flip : flips) {
      Instant last = starts.lower(flip.lifted());
      afterAsked.add(Duration.between(flip.asked(), last).toMillis());
      afterAck.add(Duration.between(flip.acked(), last).toMillis());
      effective += starts.lower(flip.asked()).isAfter(flip.asked().minus(FLOWING)) ? 1 : 0;
    }
    long cancelled = count("feedback.action_delivery WHERE reason = 'mode is observe by override'");
    System.out.printf(
        "FLIPS %d, effective %d, by a lease %d; ms (least, median, most): answered where all had read it"
            + " %s, by a lease %s; last start after the request %s, after the answer %s;"
            + " %d holds started, %d cancelled%n",
        FLIPS,
        effective,
        leaseMs.size(),
        spread(readMs),
        spread(leaseMs),
        spread(afterAsked),
        spread(afterAck),
        starts.size(),
        cancelled);
    assertThat(afterAck).as("ms from an answer to the last start").allMatch(ms -> ms < SETTLED_MS);
    assertThat(effective).as("flips with holds flowing before; else void").isEqualTo(FLIPS);
    assertThat(starts).as("or the run is void").hasSizeGreaterThan(FLIPS * STARTS / 2);
    assertThat(cancelled).as("or the run is void").isGreaterThan(FLIPS * BACKLOG / 2);
    assertThat(readMs).as("acknowledged without waiting for a lease").hasSizeGreaterThan(FLIPS / 3);
  }

  private static String spread(List<Long> values) {
    List<Long> sorted = values.stream().sorted().toList();
    return "%d, %d, %d"
        .formatted(sorted.get(0), sorted.get(sorted.size() / 2), sorted.get(sorted.size() - 1));
  }

  /** The control: who asks nobody goes on sending, and the very same check says so. */
  @Test
  @Order(2)
  void flip_besideADispatcherThatDoesNotAsk_isFoundLate() throws Exception {
    sink.delays(RECEIVER_MS);
    try (ReceivingSink other = new ReceivingSink();
        CarelessDispatcher careless = new CarelessDispatcher(dir, postgres.url(), other.url(), 1)) {
      assertThat(careless).isNotNull();
      other.delays(RECEIVER_MS);
      String waiting =
          "feedback.action_delivery WHERE state = 'pending' AND sink = '%s'"
              .formatted(ActionSink.of(other.url(), true).id());
      Clients clients = new Clients("control", CLIENTS);
      try (clients) {
        RunningService.await(BOUND, () -> count(waiting) >= 20);
        flips.add(flip(0, Fault.NONE, true));
      }
      List<Delivered> received = new ArrayList<>(sink.delivered());
      assertThat(violations(clients.told(), received)).noneMatch(v -> v.startsWith("late: "));
      received.addAll(other.delivered());
      assertThat(violations(clients.told(), received)).anyMatch(v -> v.startsWith("late: "));
    }
  }
}
