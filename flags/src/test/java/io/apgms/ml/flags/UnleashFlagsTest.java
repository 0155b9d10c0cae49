package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.getunleash.DefaultUnleash;
import io.getunleash.Unleash;
import io.getunleash.UnleashContext;
import io.getunleash.util.Throttler;
import io.getunleash.util.UnleashConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against answers and a loopback server; ITUnleash drives the real one. */
class UnleashFlagsTest {
  private static final FlagContext ANYBODY = new FlagContext("risk-score", null, "e1");

  @TempDir Path dir;
  private final DecisionModes modes = new DecisionModes(null);
  private final Service service = new Service();
  private final UnleashFlags flags = new UnleashFlags(service, modes);
  private long now = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(5); // nanoTime may overflow

  /** Answers as it is told, and keeps what it was asked with. */
  private static final class Service implements FlagFetch {
    FlagFetch.@Nullable Answer answer;
    final List<@Nullable String> etags = new ArrayList<>();

    @Override
    public Answer fetch(@Nullable String etag) throws IOException {
      etags.add(etag);
      if (answer == null) {
        throw new IOException("away");
      }
      return answer;
    }
  }

  private static FlagFetch.Answer ok(String body, @Nullable String etag) {
    return new FlagFetch.Answer(
        200, "application/json; charset=utf-8", etag, body.getBytes(StandardCharsets.UTF_8));
  }

  private static FlagFetch.Answer status(int status) {
    byte[] acts = Flags.withVariant("act").getBytes(StandardCharsets.UTF_8);
    return new FlagFetch.Answer(status, "application/json", null, acts);
  }

  /** Asks; the mode right after. */
  private Mode asked(FlagFetch.@Nullable Answer answer) {
    service.answer = answer;
    flags.ask(now);
    return mode();
  }

  private Mode mode() {
    modes.force(new ForcedObserve(false, Set.of()), now);
    return modes.resolve(ANYBODY, now);
  }

  private void pass(long seconds) {
    now += TimeUnit.SECONDS.toNanos(seconds);
  }

  @Test
  void ask_changed_acts() {
    assertThat(asked(ok(Flags.withVariant("act"), null)))
        .isEqualTo(new Mode(DecisionMode.ACT, ModeSource.UNLEASH, 0));
  }

  @Test
  void ask_unavailable_isNoFetch() {
    assertThat(asked(status(503)).source()).isEqualTo(ModeSource.DEFAULT);
    assertThat(asked(null).source()).isEqualTo(ModeSource.DEFAULT);
  }

  @Test
  void ask_notChanged_isAFetch() {
    asked(ok(Flags.withVariant("act"), "\"e1\""));
    pass(29);
    assertThat(asked(status(304))).isEqualTo(new Mode(DecisionMode.ACT, ModeSource.UNLEASH, 0));
    pass(29);
    assertThat(mode()).isEqualTo(new Mode(DecisionMode.ACT, ModeSource.UNLEASH, 29_000));
    assertThat(service.etags).containsExactly(null, "\"e1\"");
  }

  @Test
  void ask_notChangedThoughNothingIsKnown_isNoFetch() {
    assertThat(asked(status(304)).source()).isEqualTo(ModeSource.DEFAULT);
    asked(ok(Flags.withVariant("act"), null)); // one that it could not be asked about
    pass(1);
    assertThat(asked(status(304)).flagAgeMs()).isEqualTo(1_000);
  }

  @Test
  void ask_garbageThenNotChanged_isNoFetch() {
    asked(ok(Flags.withVariant("act"), "\"e1\""));
    pass(1);
    asked(ok("<html>sign in</html>", "\"e2\""));
    pass(30);
    assertThat(asked(status(304)).source()).isEqualTo(ModeSource.STALE);
    assertThat(service.etags).containsExactly(null, "\"e1\"", null);
  }

  @Test
  void ask_etagThatIsNoHeader_isNotSentBack() {
    asked(ok(Flags.withVariant("act"), "a\r\nX: y"));
    asked(ok(Flags.withVariant("act"), "x".repeat(257)));
    asked(ok(Flags.withVariant("act"), null));
    assertThat(service.etags).containsOnlyNulls();
  }

  @Test
  void ask_serviceAway_keepsActForThirtySecondsOnly() {
    asked(ok(Flags.withVariant("act"), "\"e1\""));
    pass(30);
    assertThat(asked(null).mode()).isEqualTo(DecisionMode.ACT);
    pass(1);
    assertThat(asked(null).source()).isEqualTo(ModeSource.STALE);
  }

  /** Nothing here waits for longer because it failed before: each second is asked. */
  @Test
  void ask_fourHoursOf500_isBackAtTheNextSecond() {
    asked(ok(Flags.withVariant("act"), "\"e1\""));
    for (int second = 0; second < 4 * 3_600; second++) {
      pass(1);
      Mode mode = asked(status(500));
      assertThat(mode.mode()).isEqualTo(second < 30 ? DecisionMode.ACT : DecisionMode.OBSERVE);
    }
    assertThat(service.etags).hasSize(4 * 3_600 + 1);
    pass(1);
    assertThat(asked(status(304))).isEqualTo(new Mode(DecisionMode.ACT, ModeSource.UNLEASH, 0));
  }

  /** The control: the SDK's own schedule after the same. */
  @Test
  void ask_fourHoursOf500AsTheSdkDoes_waitsForMinutes() throws Exception {
    Throttler sdk = new Throttler(1, 300, URI.create("http://127.0.0.1/").toURL());
    int askedInTheLastHour = 0;
    for (int second = 0; second < 4 * 3_600; second++) {
      if (sdk.performAction()) {
        sdk.handleHttpErrorCodes(500);
        askedInTheLastHour += second < 3 * 3_600 ? 0 : 1;
      } else {
        sdk.skipped();
      }
    }
    assertThat(askedInTheLastHour).isBetween(1, 60); // a minute and more between two
  }

  @Test
  void ask_flappingEachSecond_actsAtMostOncePerFiveSeconds() {
    int turns = 0;
    DecisionMode before = DecisionMode.OBSERVE;
    for (int second = 0; second < 600; second++) {
      boolean act = second % 2 == 0;
      DecisionMode is = asked(ok(Flags.withVariant(act ? "act" : "observe"), null)).mode();
      assertThat(is == DecisionMode.ACT && !act).as("observe is in force at once").isFalse();
      turns += is == DecisionMode.ACT && before == DecisionMode.OBSERVE ? 1 : 0;
      before = is;
      pass(1);
    }
    assertThat(turns).isBetween(2, 120);
  }

  @Test
  void ask_actAndAwayInTurns_neverTurns() {
    for (int second = 0; second < 600; second++) {
      Mode mode = asked(second % 2 == 0 ? ok(Flags.withVariant("act"), null) : status(502));
      assertThat(mode.mode()).isEqualTo(DecisionMode.ACT);
      assertThat(mode.flagAgeMs()).isEqualTo(second % 2 == 0 ? 0 : 1_000);
      pass(1);
    }
  }

  @Test
  void start_serverAnswers_isAskedWithTheTokenAndActs() throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    CountDownLatch asked = new CountDownLatch(2);
    byte[] body = Flags.withVariant("act").getBytes(StandardCharsets.UTF_8);
    server.createContext(
        "/api/client/features",
        exchange -> {
          boolean known = "t0ken".equals(exchange.getRequestHeaders().getFirst("Authorization"));
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          exchange.sendResponseHeaders(known ? 200 : 401, known ? body.length : -1);
          if (known) {
            exchange.getResponseBody().write(body);
            asked.countDown();
          }
          exchange.close();
        });
    server.start();
    String url = "http://127.0.0.1:" + server.getAddress().getPort();
    FlagSource source = UnleashFlags.start(url, "t0ken", modes);
    try {
      assertThat(asked.await(20, TimeUnit.SECONDS)).as("asked twice").isTrue();
      modes.force(new ForcedObserve(false, Set.of()), System.nanoTime());
      assertThat(modes.resolve(ANYBODY, System.nanoTime()).mode()).isEqualTo(DecisionMode.ACT);
    } finally {
      source.close();
      server.stop(0);
    }
  }

  /** A forged backup makes the SDK act, here there is none to forge. */
  @Test
  void start_serverAwayWithABackupThatActs_observes() throws Exception {
    Path forged = dir.resolve("backup.json");
    Files.writeString(forged, Flags.withVariant("act"));
    Path sharedWithAll =
        Path.of(System.getProperty("java.io.tmpdir"), "unleash-ml-service-repo.json");
    boolean planted = !Files.exists(sharedWithAll);
    if (planted) {
      Files.copy(forged, sharedWithAll); // where an SDK of this name would look for its own
    }
    FlagSource source = UnleashFlags.start("http://127.0.0.1:1/api", "t0ken", modes);
    Unleash control =
        new DefaultUnleash(
            UnleashConfig.builder()
                .appName("control")
                .unleashAPI("http://127.0.0.1:1/api")
                .apiKey("t0ken")
                .backupFile(forged.toString())
                .disablePolling()
                .disableMetrics()
                .build());
    UnleashContext company = UnleashContext.builder().addProperty("entityId", "e1").build();
    try {
      assertThat(control.getVariant(FlagSnapshot.FLAG, company).getName()).isEqualTo("act");
      assertThat(mode().source()).isEqualTo(ModeSource.DEFAULT);
    } finally {
      control.shutdown();
      source.close();
      if (planted) {
        Files.delete(sharedWithAll);
      }
    }
  }
}
