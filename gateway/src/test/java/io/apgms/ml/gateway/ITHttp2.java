package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.Http2Attacker.Outcome;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.PemKeyCertOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpClient;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * HTTP/2 over TLS against a real process: no worse than the library it is built on, and what is
 * done to exhaust it is cut off while others are served. {@code -Dsoak=true}: a thousand attackers
 * at once.
 */
class ITHttp2 {
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final int ATTACKERS = SOAK ? 1_000 : 10;
  private static final int MOST_CONNECTIONS = 2 * ATTACKERS + 300; // STALL goes on beside another
  private static final int FLOOD = SOAK ? 5_000 : 1_000;
  private static final int UNITS = SOAK ? 20_000 : 3_000;
  private static final Duration BOUND = Duration.ofSeconds(SOAK ? 120 : 60);

  @TempDir static Path dir;
  private static TestCertificate certificate;
  private static Vertx vertx;
  private static RunningService service;

  @BeforeAll
  static void start() throws Exception {
    certificate = TestCertificate.make(dir, "it");
    vertx = Vertx.vertx();
    Map<String, String> settings =
        Map.of(
            "ML_TLS_CERT",
            certificate.cert().toString(),
            "ML_TLS_KEY",
            certificate.key().toString(),
            "ML_DATABASE_TIMEOUT_MS",
            "10000", // not what is tested here
            "ML_HTTP_HEADER_TIMEOUT_MS",
            "1000",
            "ML_HTTP_RESPONSE_TIMEOUT_MS",
            "1000",
            "ML_HTTP_MAX_CONNECTIONS",
            Integer.toString(MOST_CONNECTIONS));
    service = RunningService.start(dir, settings);
    assertThat(service.api("GET", "/ml/models", null).version())
        .as("what the steady client speaks")
        .isEqualTo(HttpClient.Version.HTTP_2);
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
    get(vertx.close());
    // a log that a client can fill is an attack too
    assertThat(service.logText())
        .doesNotContain("Exception")
        .doesNotContain("ERROR")
        .doesNotContain("has been blocked");
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(120, TimeUnit.SECONDS);
  }

  private static int descriptors() {
    try (Stream<Path> open = Files.list(Path.of("/proc/" + service.handle().pid() + "/fd"))) {
      return (int) open.count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static long residentMib() throws IOException {
    try (Stream<String> lines =
        Files.lines(Path.of("/proc/" + service.handle().pid() + "/status"))) {
      String rss = lines.filter(line -> line.startsWith("VmRSS")).findFirst().orElseThrow();
      return Long.parseLong(rss.replaceAll("[^0-9]", "")) / 1_024;
    }
  }

  /** Every case that this service fails, the library alone fails too. */
  @Test
  void h2spec_strict_isNoWorseThanStockVertx() throws Exception {
    Path h2spec = GoTool.install("h2spec");
    HttpServer stock = get(stock());
    H2Spec.Report ours =
        report(h2spec, service.apiPort(), "/openapi.yaml", dir.resolve("ours.xml"));
    // which frame Netty reads first is chance: what it fails in one of a few runs it may fail
    Set<String> stocks = new TreeSet<>();
    for (int run = 0; run < 5 && (run == 0 || !stocks.containsAll(ours.failed())); run++) {
      H2Spec.Report one = report(h2spec, stock.actualPort(), "/", dir.resolve("stock.xml"));
      assertThat(ours.cases()).isEqualTo(one.cases()).isGreaterThanOrEqualTo(146);
      stocks.addAll(one.failed());
    }
    get(stock.close());
    System.out.println("h2spec, ours: " + ours + "\nh2spec, stock Vert.x: " + stocks);
    assertThat(stocks).containsAll(ours.failed());
  }

  private static H2Spec.Report report(Path h2spec, int port, String path, Path to) {
    try {
      return H2Spec.run(h2spec, port, path, to);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** Vert.x as it comes, with the same certificate. */
  private static Future<HttpServer> stock() {
    return vertx
        .createHttpServer(
            new HttpServerOptions()
                .setSsl(true)
                .setUseAlpn(true)
                .setKeyCertOptions(
                    new PemKeyCertOptions()
                        .addCertPath(certificate.cert().toString())
                        .addKeyPath(certificate.key().toString())))
        .requestHandler(request -> request.response().end("openapi: 3.1.0\n"))
        .listen(0, "127.0.0.1");
  }

  @Test
  void rapidReset_endsInGoAwayAfterTwoHundred() throws Exception {
    Http2Attacker attacker = new Http2Attacker(vertx, service.apiPort());
    Outcome few = get(attacker.attack(Http2Attack.RAPID_RESET, 190, BOUND));
    assertThat(few.cut()).as("as honest clients do: " + few).isFalse();
    Outcome many = get(attacker.attack(Http2Attack.RAPID_RESET, 230, BOUND));
    assertThat(many.cut()).as(many.toString()).isTrue();
    assertThat(many.goAway()).as("ENHANCE_YOUR_CALM: " + many).isEqualTo(11);
  }

  /**
   * Each attack, by many at once, beside a client that behaves; and once more, for what it leaves.
   */
  @Test
  void attacks_areCutOff_andTheOthersServed() throws Exception {
    int before = descriptors();
    double floods = service.metric("apgms_ml_http_connections_cut_total", "reason=\"flood\"");
    try (SteadyClient steady = new SteadyClient(service)) {
      steady.await(300);
      int quiet = steady.answered();
      assertThat(notCut(attackAll())).isEmpty();
      steady.await(100);
      double calm = steady.p99Ms(100, quiet);
      double attacked = steady.p99Ms(quiet, steady.answered());
      System.out.printf("p99 %.1f ms calm, %.1f ms attacked%n", calm, attacked);
      assertThat(steady.failed()).isZero();
      assertThat(attacked).isLessThan(Math.max(20 * calm, 250));
    }
    long resident = residentMib();
    assertThat(notCut(attackAll())).isEmpty();
    RunningService.await(Duration.ofSeconds(10), () -> descriptors() <= before + 8);
    System.out.printf("resident %d MiB, %d after the second time%n", resident, residentMib());
    assertThat(residentMib()).isLessThan(resident + 100);
    assertThat(service.metric("apgms_ml_http_connections_cut_total", "reason=\"flood\""))
        .isGreaterThanOrEqualTo(floods + 2 * 6 * ATTACKERS);
  }

  /** One attack after the other, but for the one that mostly waits: it goes on beside them. */
  private static Map<Http2Attack, List<Outcome>> attackAll() throws Exception {
    Http2Attacker attacker = new Http2Attacker(vertx, service.apiPort());
    Map<Http2Attack, List<Outcome>> outcomes = new EnumMap<>(Http2Attack.class);
    Future<List<Outcome>> stall = attack(attacker, Http2Attack.STALL);
    for (Http2Attack attack : EnumSet.complementOf(EnumSet.of(Http2Attack.STALL))) {
      outcomes.put(attack, get(attack(attacker, attack)));
    }
    outcomes.put(Http2Attack.STALL, get(stall));
    return outcomes;
  }

  /** By many at once, of whom only some are in their handshake: a slow one is cut for that. */
  private static Future<List<Outcome>> attack(Http2Attacker attacker, Http2Attack attack)
      throws InterruptedException {
    Semaphore handshakes = new Semaphore(50);
    List<Future<Outcome>> runs = new ArrayList<>();
    for (int i = 0; i < ATTACKERS; i++) {
      handshakes.acquire();
      runs.add(
          connect(attacker, 100)
              .onComplete(connected -> handshakes.release())
              .compose(socket -> attacker.attack(socket, attack, UNITS, BOUND)));
    }
    return Future.all(runs).map(all -> all.<Outcome>list());
  }

  /** Where the listener is full, as the last attack's connections are on their way out, again. */
  private static Future<NetSocket> connect(Http2Attacker attacker, int tries) {
    return attacker
        .connect()
        .recover(
            refused ->
                tries == 1
                    ? Future.failedFuture(refused)
                    : vertx
                        .timer(100, TimeUnit.MILLISECONDS)
                        .compose(v -> connect(attacker, tries - 1)));
  }

  private static Set<Http2Attack> notCut(Map<Http2Attack, List<Outcome>> outcomes) {
    Set<Http2Attack> not = EnumSet.noneOf(Http2Attack.class);
    outcomes.forEach(
        (attack, all) -> {
          if (!all.stream().allMatch(Outcome::cut)) {
            not.add(attack);
          }
        });
    return not;
  }

  /** The control: where nothing bounds them the attacks go through, and the checker says so. */
  @Test
  void attacks_atAServerWithoutBounds_areNotCutOff() throws Exception {
    try (UnboundedHttp2 control = new UnboundedHttp2(certificate)) {
      Http2Attacker attacker = new Http2Attacker(vertx, control.port());
      Map<Http2Attack, List<Outcome>> outcomes = new EnumMap<>(Http2Attack.class);
      for (Http2Attack attack : Http2Attack.values()) {
        if (attack != Http2Attack.NO_SUCH_PREFACE) { // no HTTP/2 to go on with
          outcomes.put(attack, List.of(get(attacker.attack(attack, 2_000, Duration.ofSeconds(1)))));
        }
      }
      assertThat(notCut(outcomes)).isEqualTo(outcomes.keySet());
    }
  }

  /** TLS and then nothing, or TLS that does not even begin. */
  @Test
  void silentConnections_areClosedInTime() throws Exception {
    Http2Attacker attacker = new Http2Attacker(vertx, service.apiPort());
    AtomicInteger closed = new AtomicInteger();
    for (int i = 0; i < 50; i++) {
      NetSocket socket = get(attacker.connect());
      socket.closeHandler(v -> closed.incrementAndGet());
      if (i % 2 == 0) {
        get(socket.write("PRI"));
      }
    }
    List<SocketChannel> mute = connectAll(50);
    RunningService.await(Duration.ofSeconds(4), () -> closed.get() == 50);
    RunningService.await(Duration.ofSeconds(9), () -> mute.stream().noneMatch(ITHttp2::isOpen));
  }

  private static List<SocketChannel> connectAll(int many) throws IOException {
    List<SocketChannel> all = new ArrayList<>();
    for (int i = 0; i < many; i++) {
      SocketChannel channel =
          SocketChannel.open(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), service.apiPort()));
      channel.configureBlocking(false);
      all.add(channel);
    }
    return all;
  }

  private static boolean isOpen(SocketChannel channel) {
    try {
      return channel.isOpen() && channel.read(java.nio.ByteBuffer.allocate(64)) >= 0;
    } catch (IOException reset) {
      return false;
    }
  }

  /** More connections than the listener holds; who was there before is served on. */
  @Test
  void flood_ofConnectionsAndHandshakes_isCapped_andTheOthersServed() throws Exception {
    int before = descriptors();
    try (SteadyClient steady = new SteadyClient(service)) {
      steady.await(300);
      int quiet = steady.answered();
      List<SocketChannel> flood = connectAll(FLOOD);
      RunningService.await(
          Duration.ofSeconds(10),
          () -> flood.stream().filter(ITHttp2::isOpen).count() < MOST_CONNECTIONS);
      int most = descriptors();
      assertThat(most).isBetween(before + MOST_CONNECTIONS / 2, before + MOST_CONNECTIONS + 8);
      // the management listener has a cap of its own
      assertThat(service.metric("apgms_ml_http_connections_cut_total", "reason=\"too_many\""))
          .isGreaterThanOrEqualTo(FLOOD - MOST_CONNECTIONS);
      for (SocketChannel channel : flood) {
        channel.close();
      }
      RunningService.await(Duration.ofSeconds(10), () -> descriptors() <= before + 8);
      int handshakes = handshakes(Duration.ofSeconds(3));
      double calm = steady.p99Ms(100, quiet);
      double flooded = steady.p99Ms(quiet, steady.answered());
      System.out.printf(
          "p99 %.1f ms calm, %.1f ms beside %d handshakes in 3 s%n", calm, flooded, handshakes);
      assertThat(steady.failed()).isZero();
      assertThat(flooded).isLessThan(Math.max(20 * calm, 250));
      assertThat(handshakes).isGreaterThan(20);
    }
    RunningService.await(Duration.ofSeconds(10), () -> descriptors() <= before + 8);
  }

  /** Full handshakes by eight clients as fast as they can; how many were made. */
  private static int handshakes(Duration time) throws Exception {
    long end = System.nanoTime() + time.toNanos();
    AtomicInteger made = new AtomicInteger();
    List<Thread> clients = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Thread thread =
          new Thread(
              () -> {
                while (System.nanoTime() < end) {
                  try {
                    get(
                        new Http2Attacker(vertx, service.apiPort())
                            .connect()
                            .compose(NetSocket::close));
                    made.incrementAndGet();
                  } catch (Exception e) {
                    // refused: the flood goes on
                  }
                }
              });
      thread.start();
      clients.add(thread);
    }
    for (Thread client : clients) {
      client.join();
    }
    return made.get();
  }
}
