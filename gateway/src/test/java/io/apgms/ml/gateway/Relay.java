package io.apgms.ml.gateway;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A way to a port of this machine that can be cut and mended; a thread a direction. */
final class Relay implements AutoCloseable {
  private final ServerSocket listening = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
  private final int to;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile boolean cut;

  Relay(int to) throws IOException {
    this.to = to;
    start(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  /** What is open is closed, and what comes. */
  void cut() {
    cut = true;
    open.forEach(Relay::end);
  }

  void mend() {
    cut = false;
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket in = listening.accept();
        if (cut) {
          end(in);
          continue;
        }
        Socket out = new Socket(InetAddress.getLoopbackAddress(), to);
        open.add(in);
        open.add(out);
        start(() -> copy(in, out));
        start(() -> copy(out, in));
        if (cut) {
          end(in);
          end(out);
        }
      } catch (IOException e) {
        // closed, or nobody listens there: the client sees a connection that ends
      }
    }
  }

  private void copy(Socket from, Socket to) {
    try (InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      in.transferTo(out);
    } catch (IOException e) {
      // cut
    } finally {
      end(from);
      end(to);
      open.remove(from);
      open.remove(to);
    }
  }

  private static void end(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // closed already
    }
  }

  private static void start(Runnable work) {
    Thread thread = new Thread(work, "relay");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listening.close();
    cut();
  }
}
