package io.apgms.ml.gateway.mirror;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;

/** A stand-in for another system on the loopback, which can be told to fail first. */
public abstract class FaultyServer implements AutoCloseable {
  private final HttpServer server;
  private final Deque<Fault> faults = new ArrayDeque<>();
  private int requests;

  /** An answer that is given instead, once. */
  public record Fault(int status, String retryAfter, String body) {}

  protected FaultyServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  /** Answers a request, in that system's own way. */
  protected abstract void answer(HttpExchange x, byte[] body) throws IOException;

  /** To be called once it is made. */
  protected final void begin() {
    server.createContext("/", this::handle);
    server.start();
  }

  public final String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  public final synchronized int requests() {
    return requests;
  }

  public final synchronized void fail(Fault fault, int times) {
    for (int i = 0; i < times; i++) {
      faults.add(fault);
    }
  }

  private void handle(HttpExchange x) throws IOException {
    byte[] body = x.getRequestBody().readAllBytes();
    Fault fault;
    synchronized (this) {
      requests++;
      fault = faults.poll();
    }
    if (fault == null) {
      answer(x, body);
      return;
    }
    if (fault.retryAfter() != null) {
      x.getResponseHeaders().set("Retry-After", fault.retryAfter());
    }
    send(x, fault.status(), fault.body());
  }

  protected static void send(HttpExchange x, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    x.getResponseHeaders().set("Content-Type", "application/json");
    x.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    if (bytes.length > 0) {
      x.getResponseBody().write(bytes);
    }
    x.close();
  }

  @Override
  public final void close() {
    server.stop(0);
  }
}
