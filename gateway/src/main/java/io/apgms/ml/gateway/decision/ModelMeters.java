package io.apgms.ml.gateway.decision;

import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.distribution.CountAtBucket;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The meters of one model version, or of the requests that belong to none. */
final class ModelMeters {
  static final String NONE = "none";
  private static final Duration[] BUCKETS = {
    Duration.ofNanos(500_000),
    Duration.ofMillis(1),
    Duration.ofMillis(2),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(250),
    Duration.ofMillis(500),
    Duration.ofMillis(750),
    Duration.ofSeconds(1),
    Duration.ofSeconds(2)
  };

  private final MeterRegistry registry;
  private final String model;
  private final String version;
  private final @Nullable Slo slo;
  private final Counter success;
  private final Counter clientError;
  private final Counter rejected;
  private final Counter error;
  private final Timer duration;
  private final LongAdder hurried = new LongAdder();
  private final @Nullable Counter[] decisions = new Counter[4];

  private ModelMeters(MeterRegistry registry, String model, String version, @Nullable Slo slo) {
    this.registry = registry;
    this.model = model;
    this.version = version;
    this.slo = slo;
    success = requests("success");
    clientError = requests("client_error");
    rejected = requests("rejected");
    error = requests("error");
    Stream<Duration> bound =
        slo == null ? Stream.empty() : Stream.of(Duration.ofMillis(slo.latencyMs()));
    duration =
        Timer.builder("apgms_ml_inference_duration")
            .tags("model", model, "version", version)
            .serviceLevelObjectives(
                Stream.concat(Arrays.stream(BUCKETS), bound).distinct().toArray(Duration[]::new))
            .register(registry);
    for (int i = 0; i < decisions.length && !model.equals(NONE); i++) {
      decisions[i] = decisions((i & 1) != 0, (i & 2) != 0);
    }
  }

  static ModelMeters of(MeterRegistry registry, ServedModel model) {
    return new ModelMeters(registry, model.modelId(), model.version(), model.slo());
  }

  /** Of what names no model that is served. */
  static ModelMeters ofNone(MeterRegistry registry) {
    return new ModelMeters(registry, NONE, NONE, null);
  }

  private Counter requests(String outcome) {
    return Counter.builder("apgms_ml_inference_requests")
        .tags("model", model, "version", version, "outcome", outcome)
        .register(registry);
  }

  private Counter decisions(boolean act, boolean review) {
    return Counter.builder("apgms_ml_decisions")
        .tags("model", model, "version", version)
        .tags("mode", act ? "act" : "observe")
        .tags("recommendation", review ? "review" : "allow")
        .tags("enforced", Boolean.toString(act && review))
        .register(registry);
  }

  /** One request of many rows, each decided in observe. */
  void observed(int reviews, int rows, long tookNanos) {
    success.increment();
    duration.record(tookNanos, TimeUnit.NANOSECONDS);
    Counter review = decisions[2];
    Counter allow = decisions[0];
    if (review != null && allow != null) {
      review.increment(reviews);
      allow.increment(rows - reviews);
    }
  }

  void decided(Decided decided, long tookNanos) {
    success.increment();
    duration.record(tookNanos, TimeUnit.NANOSECONDS);
    int act = decided.mode().mode() == DecisionMode.ACT ? 1 : 0;
    Counter counter = decisions[act + (decided.review() ? 2 : 0)];
    if (counter != null) {
      counter.increment();
    }
  }

  void clientError() {
    clientError.increment();
  }

  void rejected() {
    rejected.increment();
  }

  void error() {
    error.increment();
  }

  /** Of the last rejection or error: the caller gave it less time than the SLO promises. */
  void hurried() {
    hurried.increment();
  }

  /**
   * What counts against the SLO since the start, from what is counted anyway; null where there is
   * none. Requests that are being counted meanwhile may be missing from either number.
   */
  @Nullable SloCount slo() {
    if (slo == null) {
      return null;
    }
    long answered = (long) success.count();
    long within = within(TimeUnit.MILLISECONDS.toNanos(slo.latencyMs()));
    long refused = (long) rejected.count() + (long) error.count() - hurried.sum();
    long late = Math.max(0, answered - within);
    return new SloCount(
        model, version, slo.availability(), answered + refused, late + Math.max(0, refused));
  }

  private long within(long boundNanos) {
    for (CountAtBucket bucket : duration.takeSnapshot().histogramCounts()) {
      if (bucket.bucket() == boundNanos) {
        return (long) bucket.count();
      }
    }
    throw new IllegalStateException("no bucket of " + boundNanos + " ns, expected the SLO's");
  }

  /**
   * Counts since the start of a version.
   *
   * @param availability its SLO
   * @param requests answered or refused by us
   * @param bad refused, or answered over the SLO's latency
   */
  record SloCount(String model, String version, double availability, long requests, long bad) {}
}
