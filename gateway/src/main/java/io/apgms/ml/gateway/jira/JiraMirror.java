package io.apgms.ml.gateway.jira;

import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.Ticket;
import io.apgms.ml.registry.TicketMirror;
import io.apgms.ml.registry.TicketMirror.Step;
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
 * Tells Jira each step of each ticket, in order, from the audit log: an issue a ticket, a comment a
 * step, a transition when it is closed. PostgreSQL stays the authority: nothing here holds up or
 * undoes an approval. What Jira refuses, or does not take in ten attempts, is written down and
 * passed over. A step whose answer was lost may stand in Jira twice.
 *
 * <p>One thread; everything but {@link #close} runs on it.
 */
public final class JiraMirror implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JiraMirror.class);
  private static final Duration IDLE = Duration.ofSeconds(2);
  private static final Duration LEASE = Duration.ofMinutes(6); // over the longest wait
  private static final Duration FIRST_WAIT = Duration.ofSeconds(1);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);
  private static final int MAX_ATTEMPTS = 10;
  private static final long DATABASE_BOUND_SECONDS = 40;

  private final JiraClient jira;
  private final TicketMirror tickets;
  private final String holder;
  private final Counter told;
  private final Counter retried;
  private final Counter skipped;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread t = new Thread(task, "jira-mirror");
            t.setDaemon(true);
            return t;
          });
  private long attempted = -1;
  private int attempts;

  JiraMirror(Settings.Jira settings, TicketMirror tickets, String holder, MeterRegistry meters) {
    this.jira = new JiraClient(settings);
    this.tickets = tickets;
    this.holder = holder;
    this.told = counter(meters, "told");
    this.retried = counter(meters, "retried");
    this.skipped = counter(meters, "skipped");
  }

  private static Counter counter(MeterRegistry meters, String result) {
    return Counter.builder("apgms_ml_ticket_mirror")
        .description("steps of tickets on their way to Jira")
        .tag("result", result)
        .register(meters);
  }

  /** Starts telling. */
  public static JiraMirror start(
      Settings.Jira settings, TicketMirror tickets, String holder, MeterRegistry meters) {
    JiraMirror mirror = new JiraMirror(settings, tickets, holder, meters);
    mirror.thread.execute(mirror::run);
    return mirror;
  }

  private void run() {
    Duration wait = IDLE;
    try {
      wait = turn();
    } catch (RuntimeException e) {
      LOG.warn("tickets are not mirrored: {}", e.getMessage());
    }
    if (!thread.isShutdown()) {
      var unused = thread.schedule(this::run, wait.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  /** One step at most; how long to wait before the next. */
  Duration turn() {
    if (!await(tickets.lease(holder, LEASE))) {
      return IDLE; // another replica tells
    }
    Optional<Step> next = await(tickets.next());
    if (next.isEmpty()) {
      return IDLE;
    }
    Step step = next.get();
    attempts = step.seq() == attempted ? attempts + 1 : 1;
    attempted = step.seq();
    try {
      tell(step);
      told.increment();
      await(tickets.done(step.seq()));
      return Duration.ZERO;
    } catch (JiraException.Away e) {
      return retry(step, e);
    } catch (JiraException e) {
      return skip(step, e);
    }
  }

  private Duration retry(Step step, JiraException.Away e) {
    if (attempts >= MAX_ATTEMPTS) {
      return skip(step, e);
    }
    retried.increment();
    LOG.warn("{} {} is tried again: {}", step.ticket().name(), step.action(), e.getMessage());
    Duration asked = e.retryAfter();
    Duration doubled = FIRST_WAIT.multipliedBy(1L << (attempts - 1));
    Duration backoff = doubled.compareTo(LONGEST_WAIT) < 0 ? doubled : LONGEST_WAIT;
    return asked == null ? backoff : asked;
  }

  private Duration skip(Step step, JiraException e) {
    skipped.increment();
    LOG.error("{} {} is not in Jira: {}", step.ticket().name(), step.action(), e.getMessage());
    await(tickets.skipped(step.seq(), String.valueOf(e.getMessage())));
    return Duration.ZERO;
  }

  private void tell(Step step) throws JiraException {
    String key = step.issueKey();
    if (key == null) {
      Ticket t = step.ticket();
      key =
          jira.create(
              t.name() + ": promote " + t.model() + " " + t.version(),
              StepText.opened(t),
              t.name().toLowerCase(java.util.Locale.ROOT));
      await(tickets.created(t, key));
    }
    if (step.action().equals("ticket.open")) {
      return;
    }
    jira.comment(key, StepText.of(step));
    if (step.action().equals("ticket.close") && !jira.finish(key)) {
      LOG.warn("{} has no transition to a status that is done", key);
    }
  }

  private static <T> T await(Future<T> future) {
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
