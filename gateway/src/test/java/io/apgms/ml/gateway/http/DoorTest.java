package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.TestCertificate;
import io.apgms.ml.gateway.settings.Settings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.PoolOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoorTest {
  private static final String UPGRADE =
      """
      GET / HTTP/1.1\r
      Host: x\r
      Connection: Upgrade, HTTP2-Settings\r
      Upgrade: h2c\r
      HTTP2-Settings: AAMAAABkAAQAAP__\r
      \r
      """;
  private static final String PRIOR_KNOWLEDGE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"; // and empty SETTINGS

  private static final Settings.Limits LIMITS = new Settings.Limits(1_000, 1_000, 1_000, 0);
  private static final Settings.Http HTTP =
      new Settings.Http("127.0.0.1", 0, 1, 65_536, 65_536, 20, 60_000, 2_000, 0);

  @TempDir Path dir;
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Vertx vertx =
      Vertx.builder().withTransport(new BoundedAccept(HTTP, LIMITS, meters)).build();

  @AfterEach
  void close() throws Exception {
    get(vertx.close());
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  private int plain() throws Exception {
    HttpServer server =
        new Door(HTTP, LIMITS, null, new Drain())
            .server(vertx, request -> request.response().end("served"));
    return get(server.listen(0, "127.0.0.1")).actualPort();
  }

  private static HttpClientAgent http2(Vertx vertx) {
    HttpClientOptions options = new HttpClientOptions().setProtocolVersion(HttpVersion.HTTP_2);
    options.setSsl(true).setUseAlpn(true).setTrustAll(true).setVerifyHost(false);
    options.setHttp2ClearTextUpgrade(false);
    return vertx.createHttpClient(
        options, new PoolOptions().setHttp2MaxSize(1)); // a client, a connection
  }

  private static Future<Integer> get(HttpClientAgent client, int port, String path) {
    return client
        .request(HttpMethod.GET, port, "127.0.0.1", path)
        .compose(request -> request.exceptionHandler(cut -> {}).send())
        .map(HttpClientResponse::statusCode);
  }

  /** A found bug: a thousand connections of a hundred streams each took all of the heap. */
  @Test
  void streams_moreThanALoopHolds_endWhoHasMany_andServeWhoHasFew() throws Exception {
    Settings.Http roomy =
        new Settings.Http("127.0.0.1", 0, 1, 65_536, 65_536, 200, 60_000, 2_000, 0);
    Settings.Limits patient = new Settings.Limits(60_000, 60_000, 60_000, 0);
    TestCertificate certificate = TestCertificate.make(dir, "door");
    Vertx server = Vertx.builder().withTransport(new BoundedAccept(roomy, patient, meters)).build();
    AtomicInteger held = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Tls tls =
        get(
            server.executeBlocking(
                () -> Tls.open(server, certificate.cert(), certificate.key(), meters)));
    Door door = new Door(roomy, patient, tls, new Drain());
    Promise<HttpServer> listening = Promise.promise();
    server.runOnContext(
        v ->
            door.server(
                    server,
                    request -> {
                      if (request.path().equals("/held")) {
                        most.accumulateAndGet(held.incrementAndGet(), Math::max); // never answered
                        request.response().closeHandler(closed -> held.decrementAndGet());
                      } else {
                        request.response().end("served");
                      }
                    })
                .listen(0, "127.0.0.1")
                .onComplete(listening));
    int port = get(listening.future()).actualPort();
    HttpClientAgent few = http2(vertx);
    List<HttpClientAgent> clients = new ArrayList<>(List.of(few));
    assertThat(get(get(few, port, "/"))).isEqualTo(200);
    List<Future<Integer>> asked = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      HttpClientAgent many = http2(vertx);
      clients.add(many);
      assertThat(get(get(many, port, "/"))).isEqualTo(200);
      for (int n = 0; n < 95; n++) {
        asked.add(get(many, port, "/held"));
      }
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (asked.stream().filter(Future::failed).count() < 95 && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(get(get(few, port, "/"))).as("who has few is served").isEqualTo(200);
    assertThat(most.get()).isBetween(2_000, 3_200); // of 3,800
    assertThat(meters.get("apgms_ml_http_connections_cut").tag("reason", "flood").counter())
        .satisfies(counter -> assertThat(counter.count()).isBetween(1.0, 30.0));
    for (HttpClientAgent client : clients) { // what is under way would be waited for
      get(client.shutdown(0, TimeUnit.SECONDS));
    }
    get(server.close());
  }

  /** Vert.x as it comes takes HTTP/2 without TLS. */
  private int stock() throws Exception {
    HttpServer server =
        vertx.createHttpServer().requestHandler(request -> request.response().end("served"));
    return get(server.listen(0, "127.0.0.1")).actualPort();
  }

  /** The first bytes that are answered, up to a line's end or nine of them. */
  private static String first(int port, String bytes) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(5_000);
      socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
      InputStream in = socket.getInputStream();
      return new String(in.readNBytes(12), StandardCharsets.ISO_8859_1);
    }
  }

  @Test
  void h2c_priorKnowledgeOrUpgrade_isNotSpoken() throws Exception {
    int port = plain();
    assertThat(first(port, UPGRADE)).as("the upgrade is passed over").isEqualTo("HTTP/1.1 200");
    assertThat(first(port, PRIOR_KNOWLEDGE)).as("no frame").isEqualTo("HTTP/2.0 501");
  }

  /** The control: the same bytes make a server speak HTTP/2 that does. */
  @Test
  void h2c_atAStockServer_isSpoken() throws Exception {
    int port = stock();
    assertThat(first(port, UPGRADE)).isEqualTo("HTTP/1.1 101");
    assertThat(first(port, PRIOR_KNOWLEDGE).charAt(3)).as("SETTINGS").isEqualTo('\4');
  }

  /** Clients that send all they have before they read; how many of 50 read the refusal. */
  private static int refused(int port) throws IOException {
    byte[] head =
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
            .getBytes(StandardCharsets.ISO_8859_1);
    byte[] body = new byte[10_000_000];
    int refused = 0;
    for (int i = 0; i < 50; i++) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout(5_000);
        socket.getOutputStream().write(head);
        socket.getOutputStream().write(body);
        byte[] line = socket.getInputStream().readNBytes(12);
        refused += new String(line, StandardCharsets.ISO_8859_1).equals("HTTP/1.1 413") ? 1 : 0;
      } catch (IOException reset) {
        // as if it had not been answered
      }
    }
    return refused;
  }

  @Test
  void refuse_bodyStillOnItsWay_isRead() throws Exception {
    HttpServer server =
        new Door(HTTP, LIMITS, null, new Drain())
            .server(vertx, request -> ErrorTable.refuse(request, Problem.of(413, "too large")));
    assertThat(refused(get(server.listen(0, "127.0.0.1")).actualPort())).isEqualTo(50);
  }

  /** The control: who closes at once takes the answer back from some. */
  @Test
  void refuse_closedAtOnce_isLost() throws Exception {
    HttpServer server =
        vertx
            .createHttpServer()
            .requestHandler(
                request -> {
                  var unused = request.response().setStatusCode(413).end();
                  unused = request.connection().close();
                });
    assertThat(refused(get(server.listen(0, "127.0.0.1")).actualPort())).isLessThan(50);
  }

  @Test
  void answer_onceDraining_asksForTheConnectionToBeClosed() throws Exception {
    Drain drain = new Drain();
    HttpServer server =
        new Door(HTTP, LIMITS, null, drain)
            .server(vertx, request -> request.response().end("served"));
    int port = get(server.listen(0, "127.0.0.1")).actualPort();
    String request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(5_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      assertThat(answer(socket)).startsWith("HTTP/1.1 200 ").doesNotContain("close");
      drain.begin();
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      assertThat(answer(socket)).startsWith("HTTP/1.1 200 ").contains("connection: close");
    }
  }

  private static String answer(Socket socket) throws IOException {
    byte[] bytes = new byte[1_024];
    return new String(bytes, 0, socket.getInputStream().read(bytes), StandardCharsets.ISO_8859_1)
        .toLowerCase(java.util.Locale.ROOT)
        .replace("http/1.1", "HTTP/1.1");
  }

  /** A found bug: 1,600 clients that sent hundreds ahead and read nothing stopped the collector. */
  @Test
  void requests_tooManyAheadOfTheirAnswers_endTheConnection() throws Exception {
    int port = plain();
    byte[] one = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(5_000);
      for (int i = 0; i < 300; i++) { // each after the answer before, over one connection
        assertThat(request(socket)).isEqualTo("HTTP/1.1 200");
      }
      for (int i = 0; i < 60; i++) {
        socket.getOutputStream().write(one);
      }
      String answers =
          new String(socket.getInputStream().readNBytes(60 * 44), StandardCharsets.ISO_8859_1);
      assertThat(answers.split("HTTP/1.1 200", -1)).hasSize(61);
      ByteArrayOutputStream many = new ByteArrayOutputStream();
      for (int i = 0; i < 1_000; i++) {
        many.write(one);
      }
      assertThat(answered(socket, many.toByteArray())).isLessThan(1_000);
    }
  }

  /** How many answers came until the connection was ended, in order or not. */
  private static int answered(Socket socket, byte[] requests) throws IOException {
    int bytes = 0;
    try {
      socket.getOutputStream().write(requests);
      while (socket.getInputStream().read() >= 0) {
        bytes++;
      }
    } catch (SocketException reset) {
      // an end, too
    }
    return bytes / 44;
  }

  @Test
  void accept_moreThanMayBeHeld_areClosedAndTheirPlaceIsGivenBack() throws Exception {
    int port = plain();
    List<Socket> held = new ArrayList<>();
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < HTTP.maxConnections(); i++) {
        held.add(answered(port));
      }
      for (int i = 0; i < 50; i++) {
        try (Socket more = new Socket(InetAddress.getLoopbackAddress(), port)) {
          more.setSoTimeout(5_000);
          assertThat(ended(more)).isTrue();
        }
      }
      for (Socket socket : held) {
        assertThat(request(socket)).as("who was there is served on").isEqualTo("HTTP/1.1 200");
        socket.shutdownOutput();
        assertThat(ended(socket)).isTrue();
        socket.close();
      }
      held.clear();
    }
    assertThat(meters.get("apgms_ml_http_connections_cut").tag("reason", "too_many").counter())
        .satisfies(counter -> assertThat(counter.count()).isGreaterThanOrEqualTo(150));
  }

  /** One that is let in; a place may be given back a moment after the close is seen. */
  private static Socket answered(int port) throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (System.nanoTime() < end) {
      Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
      socket.setSoTimeout(5_000);
      try {
        if (request(socket).startsWith("HTTP")) {
          return socket;
        }
      } catch (IOException refused) {
        // again
      }
      socket.close();
    }
    throw new AssertionError("no place within 5 s");
  }

  private static String request(Socket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
    InputStream in = socket.getInputStream();
    String start = new String(in.readNBytes(12), StandardCharsets.ISO_8859_1);
    String rest = start;
    while (!rest.endsWith("served") && !start.isEmpty()) {
      int b = in.read();
      if (b < 0) {
        break;
      }
      rest += (char) b;
    }
    return start;
  }

  private static boolean ended(Socket socket) {
    try {
      return socket.getInputStream().read() < 0;
    } catch (IOException reset) {
      return !(reset instanceof java.net.SocketTimeoutException);
    }
  }
}
