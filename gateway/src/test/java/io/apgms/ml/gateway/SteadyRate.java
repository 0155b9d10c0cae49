package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Scoring requests at a constant rate, whether the ones before are answered or not. A request's
 * time runs from when it was due, so a pause of the server counts for all that fell into it.
 */
final class SteadyRate implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_OPEN = 2_000;
  private static final int LEAST = 100;

  /**
   * One request.
   *
   * @param failure what came instead of a decision; empty where one came
   */
  record Answer(
      long dueNanos,
      long sentNanos,
      long doneNanos,
      String failure,
      String version,
      double score,
      String id) {
    boolean ok() {
      return failure.isEmpty();
    }
  }

  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final HttpRequest request;
  private final long gapNanos;
  private final List<Answer> answers = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger open = new AtomicInteger();
  private final Thread thread = new Thread(this::run, "steady-rate");
  private volatile boolean stop;

  SteadyRate(int port, String body, double perSecond) {
    this.request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/ml/score"))
            .timeout(Duration.ofSeconds(10))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build();
    this.gapNanos = (long) (1e9 / perSecond);
    thread.start();
  }

  private void run() {
    for (long due = System.nanoTime(); !stop; due += gapNanos) {
      for (long wait = due - System.nanoTime(); wait > 0; wait = due - System.nanoTime()) {
        LockSupport.parkNanos(wait); // the rate itself, not a wait for something
      }
      long at = due;
      long sent = System.nanoTime();
      if (open.incrementAndGet() > MOST_OPEN) {
        done(new Answer(at, sent, sent, "not sent: too many are open", "", 0, ""));
        continue;
      }
      var unused =
          client
              .sendAsync(request, BodyHandlers.ofString())
              .handle((response, failure) -> answer(at, sent, response, failure))
              .thenAccept(this::done);
    }
  }

  private void done(Answer answer) {
    answers.add(answer);
    open.decrementAndGet();
  }

  private static Answer answer(
      long due, long sent, HttpResponse<String> response, Throwable failure) {
    long now = System.nanoTime();
    if (failure != null || response.statusCode() != 200) {
      String why = failure != null ? failure.toString() : response + " " + response.body();
      return new Answer(due, sent, now, why, "", 0, "");
    }
    try {
      JsonNode d = JSON.readTree(response.body());
      return new Answer(
          due,
          sent,
          now,
          "",
          d.path("modelVersion").asText(),
          d.path("score").asDouble(),
          d.path("predictionId").asText());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All that ended so far. */
  List<Answer> answers() {
    return List.copyOf(answers);
  }

  int ended() {
    return answers.size();
  }

  List<String> failures() {
    return answers().stream().filter(a -> !a.ok()).map(Answer::failure).toList();
  }

  /** Until so many more have ended. */
  void await(int more) throws InterruptedException {
    int until = ended() + more;
    RunningService.await(Duration.ofSeconds(60), () -> ended() >= until);
  }

  /** The 99th percentile of the times from due to answer, from one count of answers to another. */
  double p99Ms(int from, int to) {
    if (to - from < LEAST) {
      throw new AssertionError((to - from) + " answers, expected " + LEAST + " or more");
    }
    long[] nanos =
        answers().subList(from, to).stream()
            .mapToLong(a -> a.doneNanos() - a.dueNanos())
            .sorted()
            .toArray();
    return nanos[nanos.length * 99 / 100] / (double) TimeUnit.MILLISECONDS.toNanos(1);
  }

  @Override
  public void close() {
    stop = true;
    try {
      thread.join();
      RunningService.await(Duration.ofSeconds(15), () -> open.get() == 0);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
