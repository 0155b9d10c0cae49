package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A scoring request whose second half is sent later, or never. */
final class SlowRequest implements AutoCloseable {
  private final Socket socket;
  private final byte[] bytes;

  SlowRequest(int port, String body) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(20_000);
    bytes =
        """
        POST /ml/score HTTP/1.1\r
        Host: replica\r
        Content-Type: application/json\r
        Content-Length: %d\r
        \r
        %s"""
            .formatted(body.length(), body)
            .getBytes(StandardCharsets.ISO_8859_1);
    socket.getOutputStream().write(bytes, 0, bytes.length - body.length() / 2);
  }

  /** Sends the rest; the status line and headers of the answer, and some of its body. */
  String finish() throws IOException {
    int sent = bytes.length - bodyHalf();
    socket.getOutputStream().write(bytes, sent, bytes.length - sent);
    byte[] answer = new byte[2_048];
    int length = socket.getInputStream().read(answer);
    return new String(answer, 0, Math.max(0, length), StandardCharsets.ISO_8859_1);
  }

  private int bodyHalf() {
    String all = new String(bytes, StandardCharsets.ISO_8859_1);
    return (all.length() - all.indexOf("\r\n\r\n") - 4) / 2;
  }

  /** Ended twice, with a request that never ends and one that ends once the listener is closed. */
  static long endedMeanwhile(Replicas replicas, int replica) throws Exception {
    RunningService service = replicas.get(replica);
    long began = System.nanoTime();
    try (SlowRequest stuck = new SlowRequest(service.apiPort(), ITFaults.CASE);
        SlowRequest slow = new SlowRequest(service.apiPort(), ITFaults.CASE)) {
      assertThat(stuck).isNotNull();
      service.signal("TERM");
      replicas.awaitReady(replica, 503, Duration.ofSeconds(1));
      HttpResponse<String> last = service.api("POST", "/ml/score", ITFaults.CASE);
      assertThat(last.statusCode()).as("it serves on").isEqualTo(200);
      assertThat(last.headers().firstValue("Connection")).hasValue("close");
      service.signal("TERM");
      RunningService.await(Duration.ofSeconds(20), () -> refuses(service.apiPort()));
      assertThat(slow.finish()).startsWith("HTTP/1.1 200 ");
      service.handle().onExit().get(40, TimeUnit.SECONDS);
    }
    return (System.nanoTime() - began) / 1_000_000;
  }

  private static boolean refuses(int port) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return !socket.isConnected();
    } catch (ConnectException closed) {
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
