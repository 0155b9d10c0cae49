package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.HistoryChecker.Delivered;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.ToIntFunction;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A receiver of webhooks that checks what it gets by the two specifications, without our code, and
 * keeps a log of its own. What does not verify is answered 401 and not logged.
 */
final class ReceivingSink implements AutoCloseable {
  static final String SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  private static final long TOLERANCE_SECONDS = 300;
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * One event that verified.
   *
   * @param checkedAt when the sender says that it checked the mode
   * @param traceparent header; null for none
   */
  record Event(
      String id,
      String action,
      String subject,
      String predictionId,
      String body,
      Instant checkedAt,
      Instant receivedAt,
      String traceparent) {}

  private final Vertx vertx = Vertx.vertx();
  private final List<Event> log = Collections.synchronizedList(new ArrayList<>());
  private final List<String> refused = Collections.synchronizedList(new ArrayList<>());
  private final HttpServer server;
  private volatile ToIntFunction<Event> answer = event -> 204;
  private volatile long delayMs;

  /** On a port of its own. */
  ReceivingSink() {
    this(0);
  }

  ReceivingSink(int port) {
    server =
        PlantedService.await(
            vertx
                .createHttpServer()
                .requestHandler(r -> r.body().onSuccess(body -> take(r, body)))
                .listen(port, "127.0.0.1"));
  }

  String url() {
    return "http://127.0.0.1:" + server.actualPort() + "/hooks/s3cret-path";
  }

  int port() {
    return server.actualPort();
  }

  /** What it answers from now on; 0 closes the connection after the event was taken. */
  void answers(ToIntFunction<Event> status) {
    answer = status;
  }

  void delays(long ms) {
    delayMs = ms;
  }

  int taken() {
    return log.size();
  }

  List<Event> log() {
    return List.copyOf(log);
  }

  /** The same, for the checker of histories. */
  List<Delivered> delivered() {
    return log().stream()
        .map(
            e ->
                new Delivered(
                    e.id(), e.action(), e.predictionId(), e.subject(), e.body(), e.checkedAt()))
        .toList();
  }

  List<String> refused() {
    return List.copyOf(refused);
  }

  private void take(HttpServerRequest request, Buffer body) {
    String why = refusal(request, body.getBytes(), Instant.now());
    if (why != null) {
      refused.add(why);
      request.response().setStatusCode(401).end();
      return;
    }
    Event event = event(request, body.getBytes());
    log.add(event);
    int status = answer.applyAsInt(event);
    if (status == 0) {
      var unused = request.connection().close();
    } else if (delayMs > 0) {
      vertx.setTimer(delayMs, id -> request.response().setStatusCode(status).end());
    } else {
      request.response().setStatusCode(status).end();
    }
  }

  /** What is wrong with it by Standard Webhooks or CloudEvents; null for nothing. */
  private static String refusal(HttpServerRequest request, byte[] body, Instant now) {
    String id = request.getHeader("webhook-id");
    String timestamp = request.getHeader("webhook-timestamp");
    String signatures = request.getHeader("webhook-signature");
    if (id == null || timestamp == null || signatures == null) {
      return "a header is missing";
    }
    if (Math.abs(Long.parseLong(timestamp) - now.getEpochSecond()) > TOLERANCE_SECONDS) {
      return "too old";
    }
    String expected = "v1," + sign(id + "." + timestamp + ".", body);
    boolean signed = false;
    for (String one : signatures.split(" ", -1)) {
      signed |=
          MessageDigest.isEqual(
              one.getBytes(StandardCharsets.UTF_8), expected.getBytes(StandardCharsets.UTF_8));
    }
    if (!signed) {
      return "no signature fits";
    }
    JsonNode event = parse(body);
    boolean cloudEvent =
        "application/cloudevents+json".equals(request.getHeader("content-type"))
            && event.path("specversion").asText().equals("1.0")
            && event.path("id").asText().equals(id)
            && !event.path("source").asText().isEmpty()
            && event.path("type").asText().startsWith("io.apgms.ml.action.");
    return cloudEvent ? null : "no CloudEvent";
  }

  private static String sign(String head, byte[] body) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      byte[] key = Base64.getDecoder().decode(SECRET.substring("whsec_".length()));
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      mac.update(head.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder().encodeToString(mac.doFinal(body));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Event event(HttpServerRequest request, byte[] body) {
    JsonNode event = parse(body);
    return new Event(
        event.path("id").asText(),
        event.at("/data/action").asText(),
        event.path("subject").asText(),
        event.at("/data/predictionId").asText(),
        new String(body, StandardCharsets.UTF_8),
        Instant.parse(Objects.requireNonNull(request.getHeader("ce-leasecheckedat"))),
        Instant.now(),
        request.getHeader("traceparent"));
  }

  private static JsonNode parse(byte[] body) {
    try {
      return JSON.readTree(body);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    PlantedService.await(vertx.close());
  }
}
