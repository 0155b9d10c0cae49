package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.gateway.decision.LoopLimit;
import io.apgms.ml.gateway.settings.Settings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One connection at a turnstile that is full, until the turn ends. */
class TurnstileTest {
  private static final String BODY = "{\"modelId\":\"m\"}";

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final LoopLimit limit = new LoopLimit(endOfTurn -> {}, 1);
  private final Turnstile turnstile =
      new Turnstile(
          limit,
          new DecisionMeters(meters),
          new Settings.Http("127.0.0.1", 0, 1, 65_536, 1 << 23, 1, 1_000, 1, 1));
  private final EmbeddedChannel channel = new EmbeddedChannel();

  @BeforeEach
  void full() {
    channel.pipeline().addLast("httpDecoder", new HttpRequestDecoder());
    channel.pipeline().addLast("httpEncoder", new HttpResponseEncoder());
    turnstile.into(channel.pipeline());
    while (limit.take()) {
      // one more
    }
  }

  private static String post(String path, String... headers) {
    StringBuilder request = new StringBuilder("POST " + path + " HTTP/1.1\r\nHost: a\r\n");
    for (String header : headers) {
      request.append(header).append("\r\n");
    }
    return request.append("Content-Length: " + BODY.length() + "\r\n\r\n" + BODY).toString();
  }

  private void send(String bytes) {
    channel.writeInbound(Unpooled.copiedBuffer(bytes, StandardCharsets.ISO_8859_1));
  }

  private String written() {
    StringBuilder out = new StringBuilder();
    for (ByteBuf bytes = channel.readOutbound(); bytes != null; bytes = channel.readOutbound()) {
      out.append(bytes.toString(StandardCharsets.UTF_8));
      bytes.release();
    }
    return out.toString();
  }

  private int passed() {
    int requests = 0;
    for (Object in = channel.readInbound(); in != null; in = channel.readInbound()) {
      requests += in instanceof HttpRequest ? 1 : 0;
      ReferenceCountUtil.release(in);
    }
    return requests;
  }

  private double counted() {
    return meters.get("apgms_ml_inference_rejected").tag("reason", "limited").counter().count();
  }

  @Test
  void score_full_isRefusedAtOnceAndTheConnectionGoesOn() {
    for (int i = 1; i <= 3; i++) {
      send(post("/ml/score"));
      assertThat(written())
          .startsWith("HTTP/1.1 503 Service Unavailable\r\n")
          .containsIgnoringCase("\r\nretry-after: 1\r\n")
          .contains("application/problem+json")
          .endsWith("}");
      assertThat(passed()).isZero();
      assertThat(counted()).isEqualTo(i);
    }
  }

  @Test
  void infer_full_isRefusedWithTheProtocolsError() {
    send(post("/v2/models/m/infer"));
    assertThat(written()).startsWith("HTTP/1.1 503 ").contains("\"error\":\"more requests");
    assertThat(passed()).isZero();
  }

  @Test
  void score_full_isAnsweredWhenAllOfItCame() {
    String request = post("/ml/score");
    for (char c : request.substring(0, request.length() - 1).toCharArray()) {
      send(String.valueOf(c));
      assertThat(written()).isEmpty();
    }
    send(request.substring(request.length() - 1));
    assertThat(written()).startsWith("HTTP/1.1 503 ");
  }

  @Test
  void score_fullBehindOneThatIsNotAnswered_waitsForItsTurn() {
    send("GET /ml/models HTTP/1.1\r\nHost: a\r\n\r\n" + post("/ml/score"));
    assertThat(passed()).isEqualTo(2);
    assertThat(limit.over()).as("refused by the route").isTrue();
    for (int i = 0; i < 2; i++) {
      channel.writeOutbound(
          new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK));
    }
    assertThat(written()).contains("200");
    send(post("/ml/score"));
    assertThat(written()).startsWith("HTTP/1.1 503 ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Connection: close",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
        "Upgrade: h2c"
      })
  void score_fullWithMoreToHeedThanItsBody_isLeftToTheRoute(String header) {
    send(post("/ml/score", header));
    assertThat(written()).isEmpty();
    assertThat(passed()).isEqualTo(1);
    assertThat(limit.over()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/ml/feedback", "/ml/score/", "/v2/models/m", "/v2/models/m/infer?x=1"})
  void others_full_pass(String path) {
    send(post(path));
    assertThat(written()).isEmpty();
    assertThat(passed()).isEqualTo(1);
    assertThat(limit.over()).isFalse();
  }

  @Test
  void score_tooLong_isLeftToTheRoute() {
    send("POST /ml/score HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n");
    assertThat(written()).isEmpty();
    assertThat(passed()).isEqualTo(1);
  }
}
