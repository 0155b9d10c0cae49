package io.apgms.ml.flags;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells Unleash that this replica is there and what the flag said to its decisions, as an SDK would
 * (client registration and client metrics of Unleash's client API). One call at a time; what was
 * not taken is told with the next, as three numbers whatever their size. What may have been taken
 * is not told again.
 */
final class UnleashUsage {
  private static final Logger LOG = LoggerFactory.getLogger(UnleashUsage.class);
  private static final JsonMapper JSON = new JsonMapper();
  private static final String APP = "ml-service";
  private static final int INTERVAL_MS = 10_000;

  private final BiFunction<String, byte[], CompletableFuture<Integer>> post;
  private final FlagUsage usage;
  private final Clock clock;
  private final String instance = APP + '-' + ProcessHandle.current().pid();
  private final String connection = UUID.randomUUID().toString();
  private final Instant started;
  private boolean registered;
  private boolean telling;
  private FlagUsage.Counts told = FlagUsage.Counts.NONE;
  private Instant toldAt;

  /**
   * @param post sends JSON to a path below the API's root; gives the status of its answer
   */
  UnleashUsage(
      BiFunction<String, byte[], CompletableFuture<Integer>> post, FlagUsage usage, Clock clock) {
    this.post = post;
    this.usage = usage;
    this.clock = clock;
    this.started = clock.instant();
    this.toldAt = started;
  }

  /** To be called now and then; returns at once, and never throws. */
  synchronized void tell() {
    if (telling) {
      return;
    }
    if (!registered) {
      send("/client/register", registration(), () -> registered = true);
      return;
    }
    FlagUsage.Counts total = usage.total();
    FlagUsage.Counts more = total.minus(told);
    if (!more.equals(FlagUsage.Counts.NONE)) {
      Instant now = clock.instant();
      send(
          "/client/metrics",
          metrics(more, now),
          () -> {
            told = total;
            toldAt = now;
          });
    }
  }

  private void send(String path, Map<String, Object> body, Runnable taken) {
    telling = true;
    try {
      var unused =
          post.apply(path, JSON.writeValueAsBytes(body))
              .whenComplete((status, failure) -> done(path, status, failure, taken));
    } catch (JsonProcessingException | RuntimeException e) {
      done(path, null, e, taken);
    }
  }

  private synchronized void done(
      String path, @Nullable Integer status, @Nullable Throwable failure, Runnable taken) {
    telling = false;
    boolean mayBeTaken = status == null ? unanswered(failure) : status / 100 == 2;
    if (mayBeTaken) {
      taken.run();
    } else {
      LOG.debug("the flag service did not take {}: {}, {}", path, status, failure);
    }
  }

  /** Whether it was sent and no answer came in time. */
  private static boolean unanswered(@Nullable Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof TimeoutException
        || (cause instanceof HttpTimeoutException
            && !(cause instanceof HttpConnectTimeoutException));
  }

  private Map<String, Object> registration() {
    return Map.of(
        "appName", APP,
        "instanceId", instance,
        "connectionId", connection,
        "sdkVersion", APP + ":0.1.0",
        "strategies", List.of("default", "flexibleRollout"),
        "started", started.toString(),
        "interval", INTERVAL_MS);
  }

  private Map<String, Object> metrics(FlagUsage.Counts counts, Instant now) {
    Map<String, Object> flag =
        Map.of(
            "yes", counts.act() + counts.observe(),
            "no", counts.off(),
            "variants", Map.of("act", counts.act(), "observe", counts.observe()));
    return Map.of(
        "appName", APP,
        "instanceId", instance,
        "connectionId", connection,
        "bucket",
            Map.of(
                "start", toldAt.toString(),
                "stop", now.toString(),
                "toggles", Map.of(FlagSnapshot.FLAG, flag)));
  }
}
