package io.apgms.ml.feedback;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** Meters of actions; labels are of a closed list, or name a configured sink. */
final class ActionMeters {
  private final MeterRegistry registry;
  private final Map<String, Counter> results = new LinkedHashMap<>();
  private final AtomicLong dead = new AtomicLong();
  private final AtomicReference<Double> oldestSeconds = new AtomicReference<>(0.0);
  private final Timer sends;

  /** Registers all that does not depend on sinks, so that it is there from the first scrape. */
  ActionMeters(MeterRegistry registry) {
    this.registry = registry;
    for (String result :
        new String[] {"sent", "retried", "waiting", "cancelled", "dead", "fenced"}) {
      results.put(
          result, Counter.builder("apgms_ml_actions").tag("result", result).register(registry));
    }
    Gauge.builder("apgms_ml_action_dead_letters", dead, AtomicLong::get).register(registry);
    Gauge.builder("apgms_ml_action_oldest_pending_seconds", oldestSeconds, AtomicReference::get)
        .register(registry);
    sends =
        Timer.builder("apgms_ml_action_send_duration")
            .serviceLevelObjectives(
                Duration.ofMillis(5),
                Duration.ofMillis(25),
                Duration.ofMillis(100),
                Duration.ofMillis(500),
                Duration.ofSeconds(2),
                Duration.ofSeconds(10))
            .register(registry);
  }

  void count(String result, long times) {
    Objects.requireNonNull(results.get(result)).increment((double) times);
  }

  void sent(Duration took) {
    sends.record(took);
  }

  void stored(OutboxTable.Gauges now) {
    dead.set(now.dead());
    oldestSeconds.set(now.oldestSeconds());
  }

  void lane(SinkLane lane) {
    String sink = lane.sink().id();
    Gauge.builder("apgms_ml_action_sink_open", lane, l -> l.open() ? 1 : 0)
        .description("1 while the breaker of the sink is open")
        .tag("sink", sink)
        .register(registry);
    Gauge.builder("apgms_ml_action_sink_in_flight", lane, SinkLane::inFlight)
        .tag("sink", sink)
        .register(registry);
  }
}
