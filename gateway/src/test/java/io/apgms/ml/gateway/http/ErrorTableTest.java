package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;

class ErrorTableTest {
  @Test
  void of_whatAClientBrokeOfHttp2_is400() {
    Http2Exception broken = Http2Exception.streamError(1, Http2Error.PROTOCOL_ERROR, "delta 0");
    assertThat(ErrorTable.of(broken).status()).isEqualTo(400);
  }

  @Test
  void hungUp_connectionThatEnded_isTrue() throws Exception {
    assertThat(ErrorTable.hungUp(new SSLHandshakeException("closed"))).isTrue();
    assertThat(ErrorTable.hungUp(new ClosedChannelException())).isTrue();
    assertThat(ErrorTable.hungUp(reset())).isTrue();
  }

  @Test
  void hungUp_anotherFailure_isFalse() {
    assertThat(ErrorTable.hungUp(new IllegalStateException())).isFalse();
    try {
      assertThat(Files.readAllBytes(Path.of("/no/such/file"))).isEmpty();
    } catch (IOException ofAFile) {
      assertThat(ErrorTable.hungUp(ofAFile)).isFalse();
    }
  }

  /** What writing to a connection gives that the other side has reset. */
  private static IOException reset() throws Exception {
    try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        SocketChannel channel =
            SocketChannel.open(
                new InetSocketAddress(
                    InetAddress.getLoopbackAddress(), listening.getLocalPort()))) {
      Socket other = listening.accept();
      other.setSoLinger(true, 0);
      other.close();
      for (int i = 0; i < 1_000; i++) {
        int written = channel.write(ByteBuffer.allocate(1_024));
        assertThat(written).isPositive();
      }
    } catch (IOException reset) {
      return reset;
    }
    throw new AssertionError("1,000 kilobytes were taken");
  }
}
