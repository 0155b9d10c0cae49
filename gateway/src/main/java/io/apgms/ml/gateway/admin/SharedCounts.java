package io.apgms.ml.gateway.admin;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * How a replica adds what it has counted to the counts of all: in numbered reports, each sent as it
 * was until it is acknowledged, so that the database adds it once.
 *
 * <p>Every method runs on the loop of one verticle.
 *
 * @param <T> a report
 */
final class SharedCounts<T> {
  private final Sink<T> sink;
  private final Logger log;
  private final String what;
  private final UUID reporter = UUID.randomUUID();
  private boolean running;
  private boolean away;
  private long seq;
  private @Nullable T unacknowledged;

  /** Adds a report, once for its reporter and number. */
  interface Sink<T> {
    Future<Void> add(UUID reporter, long seq, T report);
  }

  /**
   * @param what is said to wait while rounds fail
   */
  SharedCounts(Sink<T> sink, Logger log, String what) {
    this.sink = sink;
    this.log = log;
    this.what = what;
  }

  /** A round now and then each period, never two at once; done when the first one has ended. */
  Future<Void> start(Vertx vertx, long periodMs, Supplier<Future<Void>> round) {
    vertx.setPeriodic(
        periodMs,
        id -> {
          if (!running) {
            var unused = round.get();
          }
        });
    return round.get().otherwiseEmpty();
  }

  /** A round that is logged where it fails and the one before did not. */
  Future<Void> round(Supplier<Future<Void>> work) {
    running = true;
    return work.get()
        .onComplete(
            done -> {
              running = false;
              if (done.failed() && !away) {
                log.warn("{} wait: {}", what, done.cause().getMessage());
              }
              away = done.failed();
            });
  }

  /**
   * Sends the report that was not acknowledged, else the next one.
   *
   * @param next what was counted since; null for nothing
   */
  Future<Void> report(Supplier<@Nullable T> next) {
    T sent = unacknowledged;
    if (sent == null) {
      sent = next.get();
      if (sent == null) {
        return Future.succeededFuture();
      }
      unacknowledged = sent;
      seq++;
    }
    T report = sent;
    return sink.add(reporter, seq, report)
        .onSuccess(
            v -> {
              if (unacknowledged == report) {
                unacknowledged = null;
              }
            });
  }
}
