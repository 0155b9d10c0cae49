package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SelfSignedCertificate;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WebhookClientTest {
  private static final WebhookSecrets SECRETS =
      WebhookSecrets.of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

  private static final String TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  private final Vertx vertx = Vertx.vertx();
  private final Decision decision = Decisions.plain(new UUID(1, 2), true, true);
  private final AtomicInteger requests = new AtomicInteger();

  @AfterEach
  void close() {
    TestDatabase.get(vertx.close());
  }

  private HttpServer server(HttpServerOptions options, Consumer<HttpServerRequest> handler) {
    return TestDatabase.get(
        vertx
            .createHttpServer(options.setHost("127.0.0.1").setPort(0))
            .requestHandler(
                request -> {
                  requests.incrementAndGet();
                  handler.accept(request);
                })
            .listen());
  }

  private HttpServer server(Consumer<HttpServerRequest> handler) {
    return server(new HttpServerOptions(), handler);
  }

  private static InetAddress[] loopback(String host) throws UnknownHostException {
    return InetAddress.getAllByName("127.0.0.1");
  }

  private SendResult send(String url, SinkAddresses.Lookup lookup, boolean allowPrivate) {
    return send(url, lookup, allowPrivate, new HttpClientOptions());
  }

  private SendResult send(
      String url, SinkAddresses.Lookup lookup, boolean allowPrivate, HttpClientOptions options) {
    ActionSink sink = ActionSink.of(url, true);
    Delivery d =
        new Delivery(
            1,
            sink.id(),
            1,
            0,
            0,
            1_000,
            "hold",
            decision.id(),
            Instant.EPOCH,
            null,
            false,
            null,
            null);
    SinkAddresses addresses = new SinkAddresses(vertx, lookup, allowPrivate, System::nanoTime);
    WebhookClient client = new WebhookClient(vertx, addresses, SECRETS, options, 1);
    return TestDatabase.get(client.send(sink, d, decision, TRACE, () -> null));
  }

  @Test
  void send_sinkThatTakesIt_isDelivered() {
    HttpServer sink =
        server(
            r -> {
              int status = TRACE.equals(r.getHeader("traceparent")) ? 204 : 400;
              r.body().onSuccess(b -> r.response().setStatusCode(status).end());
            });
    SendResult result =
        send("http://sink.test:" + sink.actualPort() + "/", WebhookClientTest::loopback, true);
    assertThat(result.kind()).isEqualTo(SendResult.Kind.DELIVERED);
    assertThat(result.checkedAt()).isNotNull();
  }

  @Test
  void send_nameOfAPrivateAddress_connectsToNobody() {
    HttpServer sink = server(r -> r.response().end());
    SendResult result =
        send("http://sink.test:" + sink.actualPort() + "/", WebhookClientTest::loopback, false);
    assertThat(result.reason()).isEqualTo("address not allowed");
    assertThat(result.started()).isFalse();
    assertThat(requests).hasValue(0);
  }

  /** The name says something public when it is checked, and loopback whenever it is asked again. */
  @Test
  void send_nameThatChangesItsMind_isConnectedToWhatWasChecked() throws Exception {
    HttpServer sink = server(r -> r.response().end());
    AtomicInteger asked = new AtomicInteger();
    SinkAddresses.Lookup rebinding =
        host ->
            asked.getAndIncrement() == 0
                ? new InetAddress[] {InetAddress.getByName("8.8.8.8")}
                : loopback(host);
    ActionSink to = ActionSink.of("http://sink.test:" + sink.actualPort() + "/", true);
    SinkAddresses addresses = new SinkAddresses(vertx, rebinding, false, System::nanoTime);
    assertThat(TestDatabase.get(addresses.of(to)).getHostAddress()).isEqualTo("8.8.8.8");
    assertThat(TestDatabase.get(addresses.of(to)).getHostAddress()).isEqualTo("8.8.8.8");
    assertThat(asked).hasValue(1);
    assertThat(requests).hasValue(0);
  }

  /** One bad address among good ones spoils the name. */
  @Test
  void send_oneAddressOfSeveralIsPrivate_isRefused() {
    SinkAddresses.Lookup mixed =
        host ->
            new InetAddress[] {InetAddress.getByName("8.8.8.8"), InetAddress.getByName("10.0.0.1")};
    SendResult result = send("http://sink.test/", mixed, false);
    assertThat(result.reason()).isEqualTo("address not allowed");
  }

  @Test
  void send_redirect_isNotFollowed() {
    HttpServer target = server(r -> r.response().end());
    int port = target.actualPort();
    for (int status : new int[] {301, 302, 307, 308}) {
      HttpServer sink =
          server(
              r ->
                  r.response()
                      .setStatusCode(status)
                      .putHeader("Location", "http://127.0.0.1:" + port + "/")
                      .end());
      requests.set(0);
      SendResult result =
          send("http://sink.test:" + sink.actualPort() + "/", WebhookClientTest::loopback, true);
      assertThat(result.kind()).isEqualTo(SendResult.Kind.REFUSED);
      assertThat(result.status()).isEqualTo(status);
      assertThat(requests).hasValue(1);
    }
  }

  @Test
  void send_answerWithoutEnd_isCutAndItsStatusCounts() {
    HttpServer sink =
        server(
            r -> {
              r.response().setChunked(true);
              pour(r);
            });
    SendResult result =
        send("http://sink.test:" + sink.actualPort() + "/", WebhookClientTest::loopback, true);
    assertThat(result.kind()).isEqualTo(SendResult.Kind.DELIVERED);
  }

  private static void pour(HttpServerRequest request) {
    request.response().write(Buffer.buffer(new byte[8_192])).onSuccess(v -> pour(request));
  }

  @Test
  void send_connectionCutAfterTheRequest_mayHaveBeenSeen() {
    HttpServer sink = server(r -> r.connection().close());
    SendResult result =
        send("http://sink.test:" + sink.actualPort() + "/", WebhookClientTest::loopback, true);
    assertThat(result.kind()).isEqualTo(SendResult.Kind.UNREACHABLE);
    assertThat(result.started()).isTrue();
  }

  @Test
  void send_nobodyListens_wasSeenByNobody() {
    SendResult result = send("http://sink.test:1/", WebhookClientTest::loopback, true);
    assertThat(result.reason()).isEqualTo("no connection");
    assertThat(result.started()).isFalse();
  }

  /** The certificate must be the name's, though the connection goes to an address. */
  @Test
  void send_overTls_checksTheName() {
    SelfSignedCertificate certificate = SelfSignedCertificate.create("sink.test");
    HttpServer sink =
        server(
            new HttpServerOptions().setSsl(true).setKeyCertOptions(certificate.keyCertOptions()),
            r -> r.response().end());
    HttpClientOptions trusting =
        new HttpClientOptions().setTrustOptions(certificate.trustOptions());
    String port = ":" + sink.actualPort() + "/";
    assertThat(send("https://sink.test" + port, WebhookClientTest::loopback, true, trusting).kind())
        .isEqualTo(SendResult.Kind.DELIVERED);
    assertThat(
            send("https://other.test" + port, WebhookClientTest::loopback, true, trusting).reason())
        .isEqualTo("no connection");
    assertThat(send("https://sink.test" + port, WebhookClientTest::loopback, true).reason())
        .isEqualTo("no connection");
    assertThat(requests).hasValue(1);
  }
}
