package io.apgms.ml.flags;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A flag service that answers as it is told, byte by byte, a connection an answer. */
public final class StubFlagService implements AutoCloseable {
  private static final int MAX_HEAD = 16_384;

  /** What is written to who asks; the connection is closed after it. */
  @FunctionalInterface
  public interface Answer {
    void write(OutputStream out) throws IOException;
  }

  private final ServerSocket socket = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private final AtomicInteger asked = new AtomicInteger();
  private final AtomicLong sent = new AtomicLong();
  private volatile Answer answer;

  public StubFlagService(Answer first) throws IOException {
    this.answer = first;
    daemon(
        () -> {
          while (true) {
            Socket taken = socket.accept();
            open.add(taken);
            daemon(() -> serve(taken));
          }
        });
  }

  private interface Io {
    void run() throws IOException;
  }

  private static void daemon(Io work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException ended) {
                // by who asked, or with the test
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  private void serve(Socket taken) throws IOException {
    try (taken) {
      String head = head(taken.getInputStream());
      if (head.startsWith("GET /api/client/features")) {
        asked.incrementAndGet();
        answer.write(counting(taken.getOutputStream()));
        taken.getOutputStream().flush();
      } else {
        taken.getOutputStream().write(Garbage.http("202 Accepted", "", "").bytes());
      }
    } finally {
      open.remove(taken);
    }
  }

  private OutputStream counting(OutputStream out) {
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        out.write(b);
        sent.incrementAndGet();
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        out.write(bytes, from, length);
        sent.addAndGet(length);
      }
    };
  }

  private static String head(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.length() < MAX_HEAD && head.indexOf("\r\n\r\n") < 0) {
      int b = in.read();
      if (b < 0) {
        throw new IOException("closed");
      }
      head.append((char) b);
    }
    return head.toString();
  }

  public void answers(Answer next) {
    answer = next;
  }

  public String url() {
    return "http://127.0.0.1:" + socket.getLocalPort() + "/api";
  }

  /** How often it was asked for the flags. */
  public int asked() {
    return asked.get();
  }

  /** Bytes that were taken off it since the start. */
  public long sent() {
    return sent.get();
  }

  @Override
  public void close() throws IOException {
    socket.close();
    for (Socket s : open) {
      s.close();
    }
  }

  /** Text as it goes over the wire. */
  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
