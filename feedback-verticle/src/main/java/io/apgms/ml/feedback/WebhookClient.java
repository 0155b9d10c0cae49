package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Sends one event to one sink: CloudEvents 1.0 in the structured mode of its HTTP binding, signed
 * as Standard Webhooks. It connects to an address that was checked, follows no redirect, waits six
 * seconds for a connection and ten for an answer, and reads at most 64 KiB of it.
 */
final class WebhookClient {
  private static final int CONNECT_MS = 3_000;
  static final long ANSWER_MS = 10_000;
  private static final int MAX_ANSWER_BYTES = 65_536;
  private static final int KEEP_ALIVE_SECONDS = 30;
  private static final String CONTENT_TYPE = "application/cloudevents+json";

  private final HttpClient http;
  private final SinkAddresses addresses;
  private final WebhookSecrets secrets;

  /**
   * @param options with the bounds of {@link #bounded}
   * @param slots connections to one sink
   */
  WebhookClient(
      Vertx vertx,
      SinkAddresses addresses,
      WebhookSecrets secrets,
      HttpClientOptions options,
      int slots) {
    this.addresses = addresses;
    this.secrets = secrets;
    this.http =
        vertx.createHttpClient(
            new HttpClientOptions(options)
                .setKeepAliveTimeout(KEEP_ALIVE_SECONDS)
                .setDecompressionSupported(false),
            new PoolOptions().setHttp1MaxSize(slots));
  }

  /** Three seconds to connect, and three for TLS. */
  static HttpClientOptions bounded() {
    return new HttpClientOptions()
        .setConnectTimeout(CONNECT_MS)
        .setSslHandshakeTimeout(CONNECT_MS)
        .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS);
  }

  /**
   * One attempt; never fails.
   *
   * @param traceparent of the trace that the sink is to continue; null for none
   * @param gate asked when the connection is there and nothing is written yet; what it answers, if
   *     anything, ends the attempt
   */
  Future<SendResult> send(
      ActionSink sink,
      Delivery d,
      Decision decision,
      @Nullable String traceparent,
      Supplier<@Nullable SendResult> gate) {
    return addresses
        .of(sink)
        .compose(address -> connect(sink, address, traceparent))
        .compose(
            request -> write(request, sink, d, decision, gate),
            e -> Future.succeededFuture(unconnected(e)));
  }

  private static SendResult unconnected(Throwable e) {
    return SendResult.unreachable(
        e instanceof SinkAddresses.NotAllowed ? "address not allowed" : "no connection", null);
  }

  private Future<HttpClientRequest> connect(
      ActionSink sink, InetAddress address, @Nullable String traceparent) {
    RequestOptions options =
        new RequestOptions()
            .setMethod(HttpMethod.POST)
            .setServer(SocketAddress.inetSocketAddress(sink.port(), address.getHostAddress()))
            .setHost(sink.host())
            .setPort(sink.port())
            .setSsl(sink.tls())
            .setURI(sink.path())
            .setFollowRedirects(false);
    if (traceparent != null) {
      options.putHeader("traceparent", traceparent);
    }
    return http.request(options).onFailure(e -> addresses.failed(sink));
  }

  private Future<SendResult> write(
      HttpClientRequest request,
      ActionSink sink,
      Delivery d,
      Decision decision,
      Supplier<@Nullable SendResult> gate) {
    request.exceptionHandler(e -> {}); // told by the futures below, and logged by nobody
    SendResult stop = gate.get();
    if (stop != null) {
      request.reset();
      return Future.succeededFuture(stop);
    }
    Instant checkedAt = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    String id = sink.eventId(d.predictionId().toString(), d.kind());
    byte[] body = d.event(decision, id);
    long seconds = checkedAt.getEpochSecond();
    request
        .putHeader("content-type", CONTENT_TYPE)
        .putHeader("user-agent", "ml-service")
        .putHeader("webhook-id", id)
        .putHeader("webhook-timestamp", Long.toString(seconds))
        .putHeader("webhook-signature", secrets.sign(id, seconds, body))
        .putHeader("ce-leasecheckedat", checkedAt.toString());
    return request
        .send(Buffer.buffer(body))
        .compose(response -> answered(request, response, checkedAt))
        .timeout(ANSWER_MS, TimeUnit.MILLISECONDS)
        .recover(
            e -> {
              request.reset();
              String reason =
                  e instanceof TimeoutException ? "no answer in time" : "connection was lost";
              return Future.succeededFuture(SendResult.unreachable(reason, checkedAt));
            });
  }

  /** The status counts; the rest is read so that the connection can be used again. */
  private static Future<SendResult> answered(
      HttpClientRequest request, HttpClientResponse response, Instant checkedAt) {
    SendResult result =
        SendResult.answered(
            response.statusCode(),
            retryAfterMs(response.getHeader("retry-after"), checkedAt),
            checkedAt);
    Promise<SendResult> done = Promise.promise();
    try {
      drain(request, response, v -> done.tryComplete(result));
    } catch (IllegalStateException e) { // a short answer may have ended before it got here
      done.tryComplete(result);
    }
    return done.future();
  }

  private static void drain(
      HttpClientRequest request, HttpClientResponse response, Handler<@Nullable Object> done) {
    int[] read = {0};
    response.handler(
        part -> {
          read[0] += part.length();
          if (read[0] > MAX_ANSWER_BYTES) {
            done.handle(null);
            request.reset();
          }
        });
    response.exceptionHandler(done::handle);
    response.endHandler(done::handle);
  }

  /** Seconds, or a date (RFC 9110, section 10.2.3); 0 for anything else. */
  static long retryAfterMs(@Nullable String text, Instant now) {
    if (text == null) {
      return 0;
    }
    if (text.matches("[0-9]{1,9}")) {
      return TimeUnit.SECONDS.toMillis(Long.parseLong(text));
    }
    try {
      Instant at = Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(text));
      return Math.max(0, Duration.between(now, at).toMillis());
    } catch (DateTimeParseException e) {
      return 0;
    }
  }

  Future<Void> close() {
    return http.close();
  }
}
