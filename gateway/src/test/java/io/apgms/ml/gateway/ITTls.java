package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TLS on both listeners: who may speak, and a certificate that changes while they do. */
class ITTls {
  private static final int ALERT = 0x15;
  private static final int HANDSHAKE = 0x16;

  @TempDir static Path dir;
  private static TestCertificate served;
  private static TestCertificate first;
  private static TestCertificate second;
  private static RunningService service;

  @BeforeAll
  static void start() throws Exception {
    first = TestCertificate.make(dir, "first");
    second = TestCertificate.make(dir, "second");
    served = new TestCertificate(dir.resolve("tls.crt"), dir.resolve("tls.key"));
    first.replace(served);
    service = RunningService.start(dir, settings());
  }

  private static Map<String, String> settings() {
    return Map.of("ML_TLS_CERT", served.cert().toString(), "ML_TLS_KEY", served.key().toString());
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
    assertThat(service.logText()).doesNotContain("has been blocked").doesNotContain("PRIVATE KEY");
  }

  private static SSLContext clientContext() throws Exception {
    return TestCertificate.trusting(first.cert(), second.cert());
  }

  private static HttpClient client(HttpClient.Version version) throws Exception {
    return HttpClient.newBuilder().version(version).sslContext(clientContext()).build();
  }

  private static HttpRequest models(int port, String path) {
    return HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + port + path)).build();
  }

  /** The certificate that a new connection is shown. */
  private static X509Certificate shown(int port) {
    try (SSLSocket socket =
        (SSLSocket)
            clientContext()
                .getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), port)) {
      return (X509Certificate) socket.getSession().getPeerCertificates()[0];
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void request_byARealClient_isServedInEitherVersionOfHttp() throws Exception {
    for (HttpClient.Version version : HttpClient.Version.values()) {
      var api =
          client(version).send(models(service.apiPort(), "/ml/models"), BodyHandlers.ofString());
      assertThat(api.statusCode()).isEqualTo(200);
      assertThat(api.version()).isEqualTo(version);
      var health =
          client(version)
              .send(models(service.managementPort(), "/health/ready"), BodyHandlers.ofString());
      assertThat(health.statusCode()).isEqualTo(200);
      assertThat(health.version()).isEqualTo(version);
    }
    assertThat(service.metric("apgms_ml_tls_expiry_seconds")).isBetween(86_400.0, 172_800.0);
  }

  @Test
  void plainHttp_onATlsPort_isClosed() throws Exception {
    String line;
    try {
      line = service.raw("GET /ml/models HTTP/1.1\r\nHost: x\r\n\r\n");
    } catch (SocketException e) {
      line = null; // reset
    }
    assertThat(line == null || !line.contains("HTTP/")).as(line).isTrue();
  }

  @Test
  void tls11_isRefused_asTls12IsNot() throws Exception {
    assertThat(firstRecord(2)).isEqualTo(ALERT);
    assertThat(firstRecord(3)).isEqualTo(HANDSHAKE);
  }

  /** The type of the first record that answers a ClientHello of TLS 1.1 (2) or 1.2 (3). */
  private static int firstRecord(int minor) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), service.apiPort())) {
      socket.setSoTimeout(5_000);
      socket.getOutputStream().write(hello(minor));
      return socket.getInputStream().read();
    }
  }

  /** RFC 5246, 7.4.1.2: ECDHE-ECDSA with AES, on P-256, as both versions can. */
  private static byte[] hello(int minor) throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(body);
    out.write(new byte[] {3, (byte) minor});
    out.write(new byte[32]);
    out.writeByte(0);
    out.write(new byte[] {0, 4, (byte) 0xc0, 0x2b, (byte) 0xc0, 0x09});
    out.write(new byte[] {1, 0});
    byte[] extensions = {0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3};
    out.writeShort(extensions.length);
    out.write(extensions);
    ByteArrayOutputStream record = new ByteArrayOutputStream();
    DataOutputStream framed = new DataOutputStream(record);
    framed.write(new byte[] {HANDSHAKE, 3, 1});
    framed.writeShort(body.size() + 4);
    framed.writeInt(1 << 24 | body.size());
    framed.write(body.toByteArray());
    return record.toByteArray();
  }

  @Test
  void certificate_replacedUnderLoad_isTakenAndFailsNoRequest() throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    AtomicInteger failed = new AtomicInteger();
    AtomicInteger answered = new AtomicInteger();
    List<Thread> clients = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      HttpClient kept = client(i == 0 ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2);
      boolean fresh = i >= 2;
      Thread thread = new Thread(() -> load(kept, fresh, stop, answered, failed));
      thread.start();
      clients.add(thread);
    }
    for (TestCertificate next : List.of(second, first, second, first)) {
      next.replace(served);
      X509Certificate wanted = next.certificate();
      for (int port : new int[] {service.apiPort(), service.managementPort()}) {
        RunningService.await(Duration.ofSeconds(10), () -> shown(port).equals(wanted));
      }
    }
    stop.set(true);
    for (Thread client : clients) {
      client.join();
    }
    assertThat(failed).hasValue(0);
    assertThat(answered).hasValueGreaterThan(100);
    badPair_isNotTakenAndCounted();
  }

  private static void load(
      HttpClient kept,
      boolean fresh,
      AtomicBoolean stop,
      AtomicInteger answered,
      AtomicInteger failed) {
    while (!stop.get()) {
      try {
        HttpClient client = fresh ? client(HttpClient.Version.HTTP_1_1) : kept;
        int status =
            client
                .send(models(service.apiPort(), "/ml/models"), BodyHandlers.ofString())
                .statusCode();
        (status == 200 ? answered : failed).incrementAndGet();
      } catch (Exception e) {
        failed.incrementAndGet();
      }
    }
  }

  private static void badPair_isNotTakenAndCounted() throws Exception {
    String failures = "apgms_ml_tls_reload_failures_total";
    double before = service.metric(failures);
    Files.copy(second.key(), served.key(), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    RunningService.await(
        Duration.ofSeconds(10),
        () -> {
          try {
            return service.metric(failures) == before + 1;
          } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
          }
        });
    assertThat(shown(service.apiPort())).isEqualTo(first.certificate());
    assertThat(service.logText()).contains("tls.key is not the key of tls.cert");
    first.replace(served);
  }

  @Test
  void start_withAKeyOfAnotherCertificate_isRefused(@TempDir Path other) {
    Map<String, String> mixed =
        Map.of("ML_TLS_CERT", first.cert().toString(), "ML_TLS_KEY", second.key().toString());
    assertThatThrownBy(() -> RunningService.start(other, mixed))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("tls.key is not the key of tls.cert")
        .satisfies(
            e ->
                assertThat(e.getMessage().getBytes(StandardCharsets.UTF_8)).hasSizeLessThan(4_000));
    Map<String, String> half = Map.of("ML_TLS_CERT", first.cert().toString());
    assertThatThrownBy(() -> RunningService.start(other, half))
        .hasMessageContaining("tls.key (ML_TLS_KEY)");
  }
}
