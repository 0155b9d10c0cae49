package io.apgms.ml.gateway.mirror;

import io.apgms.ml.registry.LogCursor;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells another system what a cursor over the audit log gives, in order. PostgreSQL stays the
 * authority: nothing here holds up or undoes what was done. What is refused, or not taken in ten
 * attempts, is logged and passed over. A step whose answer was lost may be told twice.
 *
 * <p>One thread; everything but {@link #close} runs on it.
 *
 * @param <S> a step
 */
public final class LogMirror<S extends LogCursor.Told> implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LogMirror.class);
  private static final Duration IDLE = Duration.ofSeconds(2);
  private static final Duration LEASE = Duration.ofMinutes(6); // over the longest wait
  private static final Duration FIRST_WAIT = Duration.ofSeconds(1);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);
  private static final int MAX_ATTEMPTS = 10;
  private static final long DATABASE_BOUND_SECONDS = 40;

  /** The other system. */
  public interface To<S> {
    /** Its name, for threads and logs. */
    String name();

    /** A step in a few words, for logs. */
    String describe(S step);

    /** Tells it; blocking and bounded. */
    void tell(S step) throws TellException;
  }

  private final To<S> to;
  private final LogCursor<S> cursor;
  private final String holder;
  private final Counter told;
  private final Counter retried;
  private final Counter skipped;
  private final ScheduledExecutorService thread;
  private long attempted = -1;
  private int attempts;

  /**
   * @param holder this replica
   * @param counters name of the counters, and what they count
   */
  public LogMirror(
      To<S> to, LogCursor<S> cursor, String holder, MeterRegistry meters, Counters counters) {
    this.to = to;
    this.cursor = cursor;
    this.holder = holder;
    this.told = counters.counter(meters, "told");
    this.retried = counters.counter(meters, "retried");
    this.skipped = counters.counter(meters, "skipped");
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread t = new Thread(task, to.name() + "-mirror");
              t.setDaemon(true);
              return t;
            });
  }

  /** How the counters are named. */
  public record Counters(String name, String description) {
    private Counter counter(MeterRegistry meters, String result) {
      return Counter.builder(name).description(description).tag("result", result).register(meters);
    }
  }

  /** Starts telling. */
  public LogMirror<S> start() {
    thread.execute(this::run);
    return this;
  }

  private void run() {
    Duration wait = IDLE;
    try {
      wait = turn();
    } catch (RuntimeException e) {
      LOG.warn("{} is not told: {}", to.name(), e.getMessage());
    }
    if (!thread.isShutdown()) {
      var unused = thread.schedule(this::run, wait.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  /** One step at most; how long to wait before the next. */
  public Duration turn() {
    if (!await(cursor.lease(holder, LEASE))) {
      return IDLE; // another replica tells
    }
    Optional<S> next = await(cursor.next());
    if (next.isEmpty()) {
      return IDLE;
    }
    S step = next.get();
    attempts = step.seq() == attempted ? attempts + 1 : 1;
    attempted = step.seq();
    try {
      to.tell(step);
      told.increment();
      await(cursor.done(step.seq()));
      return Duration.ZERO;
    } catch (TellException.Away e) {
      return retry(step, e);
    } catch (TellException e) {
      return skip(step, e);
    }
  }

  private Duration retry(S step, TellException.Away e) {
    if (attempts >= MAX_ATTEMPTS) {
      return skip(step, e);
    }
    retried.increment();
    LOG.warn("{} is told to {} again: {}", to.describe(step), to.name(), e.getMessage());
    Duration asked = e.retryAfter();
    Duration doubled = FIRST_WAIT.multipliedBy(1L << (attempts - 1));
    Duration backoff = doubled.compareTo(LONGEST_WAIT) < 0 ? doubled : LONGEST_WAIT;
    return asked == null ? backoff : asked;
  }

  private Duration skip(S step, TellException e) {
    skipped.increment();
    LOG.error("{} is not told to {}: {}", to.describe(step), to.name(), e.getMessage());
    await(cursor.skipped(step.seq(), String.valueOf(e.getMessage())));
    return Duration.ZERO;
  }

  /** What the database says, within the bound of a turn. */
  public static <T> T await(Future<T> future) {
    try {
      return future
          .toCompletionStage()
          .toCompletableFuture()
          .orTimeout(DATABASE_BOUND_SECONDS, TimeUnit.SECONDS)
          .join();
    } catch (CompletionException e) {
      throw new IllegalStateException(message(e.getCause()), e);
    }
  }

  private static String message(@Nullable Throwable cause) {
    return cause == null ? "no cause" : String.valueOf(cause.getMessage());
  }

  @Override
  public void close() {
    thread.shutdownNow();
    try {
      var unused = thread.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
