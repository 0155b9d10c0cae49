package io.apgms.ml.feedback;

import io.github.resilience4j.bulkhead.Bulkhead;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What one sink may be sent now: a bulkhead (so many deliveries claimed and not marked yet), a
 * breaker, and the rest that the sink asked for. No lane waits for another.
 *
 * <p>Confined to one loop; the clock is passed in.
 */
final class SinkLane {
  static final Duration OPEN = Duration.ofSeconds(5);
  static final Duration GONE = Duration.ofMinutes(10);
  private static final int WINDOW = 20;
  private static final int LEAST_CALLS = 10;
  private static final int PROBES = 3;

  /** An answer such as 400 says that the sink is alive. */
  private static final Set<Object> FAILURES =
      Set.of(SendResult.Kind.UNREACHABLE, SendResult.Kind.THROTTLED, SendResult.Kind.GONE);

  private final ActionSink sink;
  private final LongSupplier nanos;
  private final Bulkhead bulkhead;
  private final CircuitBreaker breaker;
  private long restUntilNanos;

  SinkLane(ActionSink sink, int slots, LongSupplier nanos) {
    this.sink = sink;
    this.nanos = nanos;
    this.restUntilNanos = nanos.getAsLong();
    this.bulkhead =
        Bulkhead.of(
            sink.id(),
            BulkheadConfig.custom()
                .maxConcurrentCalls(slots)
                .maxWaitDuration(Duration.ZERO)
                .build());
    this.breaker =
        CircuitBreaker.of(
            sink.id(),
            CircuitBreakerConfig.custom()
                .slidingWindow(
                    WINDOW, LEAST_CALLS, CircuitBreakerConfig.SlidingWindowType.COUNT_BASED)
                .failureRateThreshold(50)
                .recordResult(FAILURES::contains)
                .permittedNumberOfCallsInHalfOpenState(PROBES)
                .waitDurationInOpenState(OPEN)
                .clock(new Monotonic(nanos))
                .build());
  }

  /** A clock that no one sets back. */
  private static final class Monotonic extends Clock {
    private final LongSupplier nanos;
    private final long start;

    Monotonic(LongSupplier nanos) {
      this.nanos = nanos;
      this.start = nanos.getAsLong();
    }

    @Override
    public Instant instant() {
      return Instant.EPOCH.plusNanos(nanos.getAsLong() - start);
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  ActionSink sink() {
    return sink;
  }

  /** Takes as many slots as there are, for that many deliveries. */
  int take() {
    if (nanos.getAsLong() - restUntilNanos < 0) {
      return 0;
    }
    int taken = 0;
    while (bulkhead.tryAcquirePermission()) {
      if (!breaker.tryAcquirePermission()) {
        bulkhead.releasePermission();
        return taken;
      }
      taken++;
    }
    return taken;
  }

  /** Gives slots back that found no delivery. */
  void giveBack(int slots) {
    for (int i = 0; i < slots; i++) {
      breaker.releasePermission();
      bulkhead.releasePermission();
    }
  }

  /** An attempt ended; its slot is held until {@link #marked}. */
  void ended(SendResult result) {
    if (result.started() || result.kind() == SendResult.Kind.UNREACHABLE) {
      breaker.onResult(0, TimeUnit.NANOSECONDS, result.kind());
    } else {
      breaker.releasePermission();
    }
    if (result.kind() == SendResult.Kind.THROTTLED) {
      rest(result.retryAfterMs());
    }
    if (result.kind() == SendResult.Kind.GONE) {
      breaker.transitionToOpenStateFor(GONE);
    }
  }

  private void rest(long askedMs) {
    long rest = TimeUnit.MILLISECONDS.toNanos(Math.min(askedMs, RetryPolicy.FIRST_HOUR_BOUND_MS));
    long until = nanos.getAsLong() + rest;
    if (until - restUntilNanos > 0) {
      restUntilNanos = until;
    }
  }

  /** What became of it is stored, or given up: its slot is free. */
  void marked() {
    bulkhead.releasePermission();
  }

  boolean open() {
    return breaker.getState() == CircuitBreaker.State.OPEN;
  }

  int inFlight() {
    return bulkhead.getBulkheadConfig().getMaxConcurrentCalls()
        - bulkhead.getMetrics().getAvailableConcurrentCalls();
  }
}
