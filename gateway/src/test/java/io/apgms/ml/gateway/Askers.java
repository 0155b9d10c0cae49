package io.apgms.ml.gateway;

import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * Clients that ask the same over and over while something is broken, each on a thread of its own:
 * what they were answered, and how long it took.
 */
final class Askers implements AutoCloseable {
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5); // of each, between two
  private static final int MOST = 100_000;

  private final Map<String, List<Answer>> answers = new ConcurrentHashMap<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean stop;

  /** One request. */
  interface Call {
    HttpResponse<String> send() throws Exception;
  }

  /** Its answer; status 0 where there was none. */
  record Answer(int status, double ms, String body, boolean retryAfter) {}

  /** One more client that asks this, once they are started. */
  Askers ask(String what, Call call) {
    List<Answer> noted = answers.computeIfAbsent(what, w -> new ArrayList<>());
    Thread thread =
        new Thread(
            () -> {
              while (!stop) {
                note(noted, call);
                LockSupport.parkNanos(PAUSE_NANOS);
              }
            },
            "asker-" + what);
    threads.add(thread);
    return this;
  }

  Askers start() {
    threads.forEach(Thread::start);
    return this;
  }

  private static void note(List<Answer> noted, Call call) {
    long began = System.nanoTime();
    int status = 0;
    String body = "";
    boolean retryAfter = false;
    try {
      HttpResponse<String> response = call.send();
      status = response.statusCode();
      body = response.body();
      retryAfter = response.headers().firstValue("Retry-After").isPresent();
    } catch (Exception | AssertionError e) {
      body = e.toString();
    }
    double ms = (System.nanoTime() - began) / 1e6;
    synchronized (noted) {
      if (noted.size() < MOST) {
        noted.add(new Answer(status, ms, body, retryAfter));
      }
    }
  }

  List<Answer> of(String what) {
    List<Answer> noted = answers.get(what);
    synchronized (noted) {
      return List.copyOf(noted);
    }
  }

  Set<Integer> statuses(String what) {
    Set<Integer> statuses = new TreeSet<>();
    of(what).forEach(a -> statuses.add(a.status()));
    return statuses;
  }

  double longestMs(String what) {
    return of(what).stream().mapToDouble(Answer::ms).max().orElseThrow();
  }

  double medianMs(String what) {
    double[] sorted = of(what).stream().mapToDouble(Answer::ms).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  /** Until one of the answers from now on is such. */
  void await(String what, Predicate<Answer> such) throws InterruptedException {
    int from = of(what).size();
    RunningService.await(
        java.time.Duration.ofSeconds(30),
        () -> {
          List<Answer> all = of(what);
          return all.subList(from, all.size()).stream().anyMatch(such);
        });
  }

  /** A line for each thing that was asked. */
  List<String> told() {
    return answers.keySet().stream().sorted().map(this::told).toList();
  }

  /** A line for the report. */
  String told(String what) {
    return String.format(
        java.util.Locale.ROOT,
        "%s: %d answers %s, median %.0f ms, longest %.0f ms",
        what,
        of(what).size(),
        statuses(what),
        medianMs(what),
        longestMs(what));
  }

  /** No more is asked; what was noted stays. */
  @Override
  public void close() {
    stop = true;
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
