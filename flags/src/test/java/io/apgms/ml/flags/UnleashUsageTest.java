package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class UnleashUsageTest {
  private static final FlagContext ANYBODY = new FlagContext("risk-score", null, "e1");
  private static final Clock CLOCK = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);

  private final List<String> paths = new ArrayList<>();
  private final List<JsonNode> bodies = new ArrayList<>();
  private final DecisionModes modes = new DecisionModes(null);
  private CompletableFuture<Integer> answer = CompletableFuture.completedFuture(202);
  private final UnleashUsage usage = new UnleashUsage(this::post, modes.usage(), CLOCK);

  private CompletableFuture<Integer> post(String path, byte[] json) {
    paths.add(path);
    try {
      bodies.add(new JsonMapper().readTree(json));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return answer;
  }

  private JsonNode told() {
    return bodies.get(bodies.size() - 1).path("bucket").path("toggles").path(FlagSnapshot.FLAG);
  }

  private void decide(String variant, int times) {
    modes.fetched(Flags.parse(Flags.withVariant(variant)), ModeSource.UNLEASH, 0);
    for (int i = 0; i < times; i++) {
      modes.decide(ANYBODY, 0);
    }
  }

  @Test
  void tell_firstOfAll_registers() {
    usage.tell();
    assertThat(paths).containsExactly("/client/register");
    assertThat(bodies.get(0).path("appName").asText()).isEqualTo("ml-service");
  }

  @Test
  void tell_notRegistered_triesAgain() {
    answer = CompletableFuture.completedFuture(503);
    usage.tell();
    answer = CompletableFuture.failedFuture(new IOException("away"));
    usage.tell();
    assertThat(paths).containsExactly("/client/register", "/client/register");
  }

  @Test
  void tell_decisions_areCountedByWhatTheFlagSaidToThem() {
    usage.tell();
    decide("act", 3);
    modes.fetched(Flags.parse(Flags.withVariant("observe")), ModeSource.UNLEASH, 0);
    modes.decide(ANYBODY, 0);
    modes.fetched(Flags.parse("{\"features\":[]}"), ModeSource.UNLEASH, 0);
    modes.decide(ANYBODY, 0);
    modes.decide(ANYBODY, 0);
    modes.resolve(ANYBODY, 0); // no decision
    usage.tell();
    assertThat(paths).containsExactly("/client/register", "/client/metrics");
    assertThat(told().path("yes").asInt()).isEqualTo(4);
    assertThat(told().path("no").asInt()).isEqualTo(2);
    assertThat(told().path("variants").path("act").asInt()).isEqualTo(3);
    assertThat(told().path("variants").path("observe").asInt()).isEqualTo(1);
  }

  @Test
  void tell_nothingNew_isSilent() {
    usage.tell();
    decide("act", 1);
    usage.tell();
    usage.tell();
    assertThat(paths).hasSize(2);
  }

  @Test
  void tell_notTaken_isToldWithTheNext() {
    usage.tell();
    decide("act", 2);
    answer = CompletableFuture.completedFuture(500);
    usage.tell();
    decide("act", 1);
    answer = CompletableFuture.completedFuture(202);
    usage.tell();
    assertThat(told().path("yes").asInt()).isEqualTo(3);
    usage.tell();
    assertThat(paths).hasSize(3);
  }

  @Test
  void tell_sentAndNotAnswered_isNotToldTwice() {
    usage.tell();
    decide("act", 2);
    answer = CompletableFuture.failedFuture(new CompletionException(new TimeoutException()));
    usage.tell();
    answer = CompletableFuture.completedFuture(202);
    decide("act", 1);
    usage.tell();
    assertThat(told().path("yes").asInt()).isEqualTo(1);
  }

  @Test
  void tell_notEvenConnected_isToldWithTheNext() {
    usage.tell();
    decide("act", 2);
    answer = CompletableFuture.failedFuture(new HttpConnectTimeoutException("away"));
    usage.tell();
    answer = CompletableFuture.failedFuture(new CompletionException(new ConnectException()));
    usage.tell();
    answer = CompletableFuture.completedFuture(202);
    usage.tell();
    assertThat(told().path("yes").asInt()).isEqualTo(2);
  }

  @Test
  void tell_whileTheLastIsUnderWay_doesNotSendAnother() {
    answer = new CompletableFuture<>();
    usage.tell();
    usage.tell();
    assertThat(paths).hasSize(1);
    answer.complete(202);
    decide("act", 1);
    usage.tell();
    assertThat(paths).hasSize(2);
  }

  @Test
  void decide_pinnedOrForced_doesNotAskTheFlag() {
    DecisionModes pinned = new DecisionModes(DecisionMode.OBSERVE);
    pinned.fetched(Flags.parse(Flags.withVariant("act")), ModeSource.UNLEASH, 0);
    pinned.decide(ANYBODY, 0);
    assertThat(pinned.usage().total()).isEqualTo(FlagUsage.Counts.NONE);
    pinned.force(new ForcedObserve(true, java.util.Set.of()), 0);
    pinned.decide(ANYBODY, 0);
    assertThat(pinned.usage().total()).isEqualTo(FlagUsage.Counts.NONE);
  }
}
