package io.apgms.ml.gateway;

import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A client that behaves, one request after the other over one connection, while others do not. */
final class SteadyClient implements AutoCloseable {
  private static final int MOST = 1 << 20;

  private final RunningService service;
  private final String method;
  private final String path;
  private final String body;
  private final Thread thread = new Thread(this::run, "steady-client");
  private final long[] nanos = new long[MOST];
  private final AtomicInteger answered = new AtomicInteger();
  private final AtomicInteger failed = new AtomicInteger();
  private volatile boolean stop;

  SteadyClient(RunningService service) {
    this(service, "GET", "/ml/models", null);
  }

  private SteadyClient(RunningService service, String method, String path, String body) {
    this.service = service;
    this.method = method;
    this.path = path;
    this.body = body;
    thread.start();
  }

  /** One that asks for decisions. */
  static SteadyClient deciding(RunningService service, String body) {
    return new SteadyClient(service, "POST", "/ml/score", body);
  }

  private void run() {
    while (!stop && answered.get() < MOST) {
      long began = System.nanoTime();
      int status;
      try {
        status = service.api(method, path, body).statusCode();
      } catch (IOException | InterruptedException e) {
        status = -1;
      }
      if (status == 200) {
        nanos[answered.get()] = System.nanoTime() - began;
        answered.incrementAndGet();
      } else {
        failed.incrementAndGet();
      }
    }
  }

  int answered() {
    return answered.get();
  }

  int failed() {
    return failed.get();
  }

  /** The 99th percentile of the answers from one count of them to another. */
  double p99Ms(int from, int to) {
    if (to - from < 50) {
      throw new AssertionError((to - from) + " answers, expected 50 or more");
    }
    long[] sorted = Arrays.copyOfRange(nanos, from, to);
    Arrays.sort(sorted);
    return sorted[sorted.length * 99 / 100] / (double) TimeUnit.MILLISECONDS.toNanos(1);
  }

  /** Until so many more are answered. */
  void await(int more) throws InterruptedException {
    int until = answered.get() + more;
    RunningService.await(java.time.Duration.ofSeconds(20), () -> answered.get() >= until);
  }

  @Override
  public void close() {
    stop = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
