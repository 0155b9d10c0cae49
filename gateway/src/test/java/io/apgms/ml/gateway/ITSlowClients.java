package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A thousand clients that send a head, send a body or take an answer as slowly as they can, beside
 * one that behaves. {@code -Dsoak=true}: five thousand.
 */
class ITSlowClients {
  private static final int SOCKETS = Boolean.getBoolean("soak") ? 5_000 : 1_000;
  private static final String HEAD = "POST /ml/score HTTP/1.1\r\nHost: x\r\n";
  private static final String LARGE = "GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n";

  @TempDir Path dir;

  private enum Kind {
    HEADER,
    BODY,
    READ
  }

  /** One slow client. */
  private static final class Slow {
    private final Kind kind;
    private final SocketChannel channel;

    Slow(Kind kind, int port) throws IOException {
      this.kind = kind;
      channel = SocketChannel.open();
      if (kind == Kind.READ) {
        channel.setOption(StandardSocketOptions.SO_RCVBUF, 2_048);
      }
      channel.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      channel.configureBlocking(false);
      String start =
          switch (kind) {
            case HEADER -> HEAD;
            case BODY -> HEAD + "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{";
            case READ -> LARGE.repeat(10);
          };
      var unused = send(start);
    }

    private int send(String text) throws IOException {
      return channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
    }

    /** A little more; false once the server has closed the connection. */
    boolean drip() {
      try {
        var unused =
            send(
                switch (kind) {
                  case HEADER -> "X-A: b\r\n";
                  case BODY -> " ";
                  case READ -> LARGE; // nothing of the answers is read
                });
        return kind == Kind.READ || channel.read(ByteBuffer.allocate(1_024)) >= 0;
      } catch (IOException closed) {
        return false;
      }
    }
  }

  private static int descriptors(RunningService service) {
    try (Stream<Path> open = Files.list(Path.of("/proc/" + service.handle().pid() + "/fd"))) {
      return (int) open.count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Of so many slow clients of each kind, those that are still connected when the time is up. */
  private static Map<Kind, Integer> attack(RunningService service, int each, Duration bound)
      throws Exception {
    List<Slow> open = new ArrayList<>();
    for (int i = 0; i < each; i++) {
      for (Kind kind : Kind.values()) {
        open.add(new Slow(kind, service.apiPort()));
      }
    }
    long end = System.nanoTime() + bound.toNanos();
    List<Slow> ended = new ArrayList<>();
    try {
      while (!open.isEmpty() && System.nanoTime() < end) {
        long round = System.nanoTime();
        Predicate<Slow> closed = slow -> !slow.drip() && ended.add(slow);
        open.removeIf(closed);
        // a byte a second: the pace of the attack, not a wait for the service
        long left = 1_000 - (System.nanoTime() - round) / 1_000_000;
        Thread.sleep(Math.max(1, left));
      }
      Map<Kind, Integer> still = new HashMap<>();
      open.forEach(slow -> still.merge(slow.kind, 1, Integer::sum));
      return still;
    } finally {
      for (Slow slow : open) {
        slow.channel.close();
      }
      for (Slow slow : ended) {
        slow.channel.close();
      }
    }
  }

  @Test
  void slowClients_areClosedInTime_andTheOthersServed() throws Exception {
    Map<String, String> settings = Map.of("ML_HTTP_MAX_CONNECTIONS", "20000");
    try (RunningService service = RunningService.start(dir, settings)) {
      service.api("GET", "/ml/models", null);
      int before = descriptors(service);
      AtomicBoolean stop = new AtomicBoolean();
      AtomicInteger failed = new AtomicInteger();
      AtomicInteger answered = new AtomicInteger();
      Thread normal =
          new Thread(
              () -> {
                while (!stop.get()) {
                  try {
                    int status = service.api("GET", "/ml/models", null).statusCode();
                    (status == 200 ? answered : failed).incrementAndGet();
                  } catch (IOException | InterruptedException e) {
                    failed.incrementAndGet();
                  }
                }
              });
      normal.start();
      assertThat(attack(service, SOCKETS / 3, Duration.ofSeconds(25))).isEmpty();
      assertThat(flood(service)).as("read before the answers are taken").isLessThan(16 << 20);
      stop.set(true);
      normal.join();
      assertThat(failed).hasValue(0);
      assertThat(answered).hasValueGreaterThan(1_000);
      RunningService.await(Duration.ofSeconds(10), () -> descriptors(service) <= before + 8);
    }
  }

  /** Pipelines requests without reading: how many bytes the service took until it hung up. */
  private static long flood(RunningService service) throws Exception {
    Slow client = new Slow(Kind.READ, service.apiPort());
    long[] taken = new long[1];
    try {
      RunningService.await(
          Duration.ofSeconds(20),
          () -> {
            try {
              taken[0] += client.send(LARGE.repeat(1_000));
              return false;
            } catch (IOException closed) {
              return true;
            }
          });
      return taken[0];
    } finally {
      client.channel.close();
    }
  }

  /** The control: with bounds out of reach the same attack holds its connections. */
  @Test
  void slowClients_withoutTheBounds_stay() throws Exception {
    Map<String, String> settings =
        Map.of(
            "ML_HTTP_HEADER_TIMEOUT_MS", "3600000",
            "ML_HTTP_BODY_TIMEOUT_MS", "3600000",
            "ML_HTTP_RESPONSE_TIMEOUT_MS", "3600000");
    try (RunningService service = RunningService.start(dir, settings)) {
      assertThat(attack(service, 20, Duration.ofSeconds(20)))
          .containsOnly(
              Map.entry(Kind.HEADER, 20), Map.entry(Kind.BODY, 20), Map.entry(Kind.READ, 20));
    }
  }
}
