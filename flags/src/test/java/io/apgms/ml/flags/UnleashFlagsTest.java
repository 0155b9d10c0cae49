package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.getunleash.event.ClientFeaturesResponse;
import io.getunleash.repository.FeatureFetcher;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a loopback server; the real one is driven by the integration tests of a later room. */
class UnleashFlagsTest {
  private static final FlagContext ANYBODY = new FlagContext("risk-score", null, null);

  @TempDir Path dir;
  private final DecisionModes modes = new DecisionModes(null);

  private Mode mode() {
    modes.force(new ForcedObserve(false, Set.of()), System.nanoTime());
    return modes.resolve(ANYBODY, System.nanoTime());
  }

  private void answers(ClientFeaturesResponse... answers) {
    Iterator<ClientFeaturesResponse> next = List.of(answers).iterator();
    FeatureFetcher heard = new UnleashFlags(modes).heard(next::next);
    for (int i = 0; i < answers.length; i++) {
      heard.fetchFeatures();
    }
  }

  @Test
  void heard_changed_acts() {
    answers(ClientFeaturesResponse.updated(Flags.withVariant("act")));
    assertThat(mode().mode()).isEqualTo(DecisionMode.ACT);
    assertThat(mode().source()).isEqualTo(ModeSource.UNLEASH);
  }

  @Test
  void heard_unavailable_isNoFetch() {
    answers(ClientFeaturesResponse.unavailable(503, Optional.empty()));
    assertThat(mode().source()).isEqualTo(ModeSource.DEFAULT);
  }

  @Test
  void heard_garbageThenNotChanged_isNoFetch() {
    answers(
        ClientFeaturesResponse.updated("<html>sign in</html>"),
        ClientFeaturesResponse.notChanged());
    assertThat(mode().source()).isEqualTo(ModeSource.DEFAULT);
  }

  @Test
  void heard_notChangedAfterAGoodAnswer_isAFetch() {
    answers(
        ClientFeaturesResponse.updated(Flags.withVariant("observe")),
        ClientFeaturesResponse.notChanged());
    assertThat(mode().source()).isEqualTo(ModeSource.UNLEASH);
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
    String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/api";
    FlagSource source = UnleashFlags.start(url, "t0ken", dir, modes);
    try {
      assertThat(asked.await(20, TimeUnit.SECONDS)).as("asked twice").isTrue();
      assertThat(mode().mode()).isEqualTo(DecisionMode.ACT);
    } finally {
      source.close();
      server.stop(0);
    }
  }

  @Test
  void start_serverAwayWithABackupThatActs_observes() throws Exception {
    Files.writeString(dir.resolve("backup.json"), Flags.withVariant("act"));
    FlagSource source = UnleashFlags.start("http://127.0.0.1:1/api", "t0ken", dir, modes);
    assertThat(mode().source()).isEqualTo(ModeSource.DEFAULT);
    source.close();
  }
}
