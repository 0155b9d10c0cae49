package io.apgms.ml.gateway;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * HTTP load from one thread over kept connections, as a program of its own so that it can be held
 * to a processor of its own. In an open loop a request's time runs from when it was due, whether a
 * connection was free or not: nothing is left out because the server was slow to answer (no
 * coordinated omission). Beside it the time from when it was sent: what the server made of it.
 *
 * <p>Arguments: port, file of requests (each its length as four bytes and its bytes), most
 * connections, requests a second (0: as many as are answered, a closed loop), seconds that do not
 * count, seconds that do. Prints one line of JSON; times in tenths of a millisecond.
 */
final class OpenLoad {
  private static final int BINS = 200_000; // of 0.1 ms
  private static final long BIN_NANOS = 100_000;
  private static final int MOST_DUE = 1_000_000;
  private static final int BURST = 64; // due at once, before answers are looked at again

  private final int port;
  private final List<byte[]> requests;
  private final int most;
  private final double gapNanos;
  private final Selector selector = Selector.open();
  private final ByteBuffer in = ByteBuffer.allocateDirect(1 << 20);
  private final ArrayDeque<Connection> idle = new ArrayDeque<>();
  private final ArrayDeque<Long> due = new ArrayDeque<>();
  private int connections;
  private int turn;
  private boolean counting;
  private final int[] ok = new int[BINS];
  private final int[] refused = new int[BINS];
  private final int[] okSent = new int[BINS];
  private final int[] refusedSent = new int[BINS];
  private long bare; // refusals that do not say when to come back
  private long other;
  private long broken;
  private long unsent;

  private OpenLoad(int port, List<byte[]> requests, int most, double perSecond) throws IOException {
    this.port = port;
    this.requests = requests;
    this.most = most;
    this.gapNanos = perSecond == 0 ? 0 : 1e9 / perSecond;
  }

  public static void main(String[] args) throws IOException {
    List<byte[]> requests = new ArrayList<>();
    try (DataInputStream file =
        new DataInputStream(
            new java.io.BufferedInputStream(Files.newInputStream(Path.of(args[1]))))) {
      while (file.available() > 0) {
        requests.add(file.readNBytes(file.readInt()));
      }
    }
    double seconds = Double.parseDouble(args[5]);
    OpenLoad load =
        new OpenLoad(
            Integer.parseInt(args[0]),
            requests,
            Integer.parseInt(args[2]),
            Double.parseDouble(args[3]));
    load.run(Double.parseDouble(args[4]), seconds);
    System.out.println(load.report(seconds));
  }

  private final class Connection {
    private final SocketChannel channel = SocketChannel.open();
    private final SelectionKey key;
    private ByteBuffer out = ByteBuffer.allocate(0);
    private byte[] answer = new byte[8_192];
    private int length;
    private long dueNanos;
    private long sentNanos;
    private boolean busy;

    Connection() throws IOException {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      channel.configureBlocking(false);
      key = channel.register(selector, SelectionKey.OP_READ, this);
      connections++;
    }

    void send(long at) {
      dueNanos = at;
      sentNanos = System.nanoTime();
      busy = true;
      length = 0;
      byte[] request = requests.get(turn++ % requests.size());
      if (out.capacity() < request.length) {
        out = ByteBuffer.allocateDirect(request.length);
      }
      out.clear().put(request).flip();
      write();
    }

    private void write() {
      try {
        channel.write(out);
        key.interestOps(
            out.hasRemaining()
                ? SelectionKey.OP_READ | SelectionKey.OP_WRITE
                : SelectionKey.OP_READ);
      } catch (IOException e) {
        broken();
      }
    }

    /** True once the answer is complete. */
    private boolean read() throws IOException {
      in.clear();
      int n = channel.read(in);
      if (n < 0) {
        throw new IOException("closed");
      }
      if (answer.length < length + n) {
        answer = Arrays.copyOf(answer, 2 * (length + n));
      }
      in.flip().get(answer, length, n);
      length += n;
      int body = bodyAt(answer, length);
      return body > 0 && length >= body + contentLength(answer, body);
    }

    private void broken() {
      broken += counting && busy ? 1 : 0;
      busy = false;
      connections--;
      key.cancel();
      idle.remove(this);
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void run(double warm, double seconds) throws IOException {
    long start = System.nanoTime();
    long from = start + (long) (warm * 1e9);
    long end = from + (long) (seconds * 1e9);
    double next = start;
    if (gapNanos == 0) {
      while (connections < most) {
        new Connection().send(System.nanoTime());
      }
    }
    for (long now = start; now < end; now = System.nanoTime()) {
      counting = now >= from;
      for (int i = 0; i < BURST && gapNanos > 0 && next <= now; i++) {
        begin((long) next);
        next += gapNanos;
      }
      if (gapNanos > 0 && next - now < 1e6) {
        selector.selectNow(this::ready);
      } else {
        selector.select(this::ready, 1);
      }
    }
    unsent += due.size();
  }

  private void begin(long at) throws IOException {
    Connection free = idle.poll();
    if (free == null && connections < most) {
      free = new Connection();
    }
    if (free != null) {
      free.send(at);
    } else if (due.size() < MOST_DUE) {
      due.add(at);
    } else {
      unsent++;
    }
  }

  private void ready(SelectionKey key) {
    Connection connection = (Connection) key.attachment();
    try {
      if (key.isWritable()) {
        connection.write();
      }
      if (key.isValid() && key.isReadable() && connection.read()) {
        answered(connection);
      }
    } catch (IOException e) {
      connection.broken();
    }
  }

  private void answered(Connection connection) {
    long now = System.nanoTime();
    connection.busy = false;
    if (counting) {
      count(connection, bin(now - connection.dueNanos), bin(now - connection.sentNanos));
    }
    Long waiting = gapNanos == 0 ? Long.valueOf(now) : due.poll();
    if (waiting == null) {
      idle.push(connection);
    } else {
      connection.send(waiting);
    }
  }

  private static int bin(long nanos) {
    return (int) Math.min(BINS - 1, nanos / BIN_NANOS);
  }

  private void count(Connection connection, int bin, int sent) {
    byte[] a = connection.answer;
    int status = (a[9] - '0') * 100 + (a[10] - '0') * 10 + a[11] - '0';
    if (status == 200) {
      ok[bin]++;
      okSent[sent]++;
    } else if (status == 503 || status == 429) {
      refused[bin]++;
      refusedSent[sent]++;
      bare += saysWhen(a, bodyAt(a, connection.length)) ? 0 : 1;
    } else {
      other++;
    }
  }

  /** Whether the head has a Retry-After, told by its letters. */
  private static boolean saysWhen(byte[] a, int head) {
    for (int i = 0; i < head - 13; i++) {
      if (a[i] == '\n' && (a[i + 1] | 32) == 'r' && a[i + 6] == '-' && a[i + 12] == ':') {
        return true;
      }
    }
    return false;
  }

  private static int bodyAt(byte[] answer, int length) {
    for (int i = 3; i < length; i++) {
      if (answer[i] == '\n' && answer[i - 2] == '\n') {
        return i + 1;
      }
    }
    return 0;
  }

  private static int contentLength(byte[] a, int head) {
    for (int i = 0; i < head - 17; i++) {
      if (a[i] == '\n' && (a[i + 1] | 32) == 'c' && (a[i + 9] | 32) == 'l' && a[i + 15] == ':') {
        int length = 0;
        for (int digit = i + 17; a[digit] != '\r'; digit++) {
          length = length * 10 + a[digit] - '0';
        }
        return length;
      }
    }
    return 0;
  }

  private String report(double seconds) {
    return "{\"okPerSecond\":"
        + Arrays.stream(ok).asLongStream().sum() / seconds
        + times("ok", ok)
        + times("okSent", okSent)
        + ",\"refusedPerSecond\":"
        + Arrays.stream(refused).asLongStream().sum() / seconds
        + times("refused", refused)
        + times("refusedSent", refusedSent)
        + ",\"bare\":"
        + bare
        + ",\"other\":"
        + other
        + ",\"broken\":"
        + broken
        + ",\"unsent\":"
        + unsent
        + ",\"connections\":"
        + connections
        + "}";
  }

  private static String times(String what, int[] bins) {
    return ",\""
        + what
        + "P50Ms\":"
        + percentile(bins, 0.5)
        + ",\""
        + what
        + "P99Ms\":"
        + percentile(bins, 0.99);
  }

  private static double percentile(int[] bins, double share) {
    long wanted = (long) Math.ceil(Arrays.stream(bins).asLongStream().sum() * share);
    long seen = 0;
    int bin = 0;
    while (seen < wanted && bin < BINS) {
      seen += bins[bin++];
    }
    return bin / 10.0;
  }
}
