package io.apgms.ml.gateway.decision;

import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The decision counters, looked up once per model version. Label values come from the registry and
 * from closed lists, never from a request.
 */
public final class DecisionMeters {
  private static final String NONE = "none";
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
  private final Map<String, ModelMeters> byVersion = new ConcurrentHashMap<>();
  private final ModelMeters unknown;
  private final Map<Refusal, Counter> errors = new EnumMap<>(Refusal.class);
  private final Map<String, Counter> rejected = new HashMap<>();

  /** Registers everything that does not depend on a model, so that it is there at once. */
  public DecisionMeters(MeterRegistry registry) {
    this.registry = registry;
    this.unknown = new ModelMeters(NONE, NONE);
    for (Refusal refusal : Refusal.values()) {
      String type = refusal.name().toLowerCase(java.util.Locale.ROOT);
      if (outcome(refusal).equals("error")) {
        errors.put(
            refusal,
            Counter.builder("apgms_ml_inference_errors")
                .tag("error_type", type)
                .register(registry));
      } else if (outcome(refusal).equals("rejected")) {
        rejected.put(
            type,
            Counter.builder("apgms_ml_inference_rejected").tag("reason", type).register(registry));
      }
    }
  }

  /** The meters of a served version; registers them when it is new. */
  public ModelMeters of(ServedModel model) {
    return byVersion.computeIfAbsent(
        model.modelId() + "/" + model.version(),
        key -> new ModelMeters(model.modelId(), model.version()));
  }

  /** Counts a request that named no model that is served. */
  public void clientError() {
    unknown.clientError.increment();
  }

  /** Counts a request that came while no model was active. */
  public void noModel() {
    refused(Refusal.NO_MODEL, null);
  }

  /** Counts a request over its loop's limit, whose body was not looked at. */
  public void limited() {
    refused(Refusal.LIMITED, null);
  }

  void refused(Refusal why, @Nullable ServedModel model) {
    ModelMeters meters = model == null ? unknown : of(model);
    switch (outcome(why)) {
      case "error" -> meters.error.increment();
      case "rejected" -> meters.rejected.increment();
      default -> meters.clientError.increment();
    }
    Counter error = errors.get(why);
    if (error != null) {
      error.increment();
    }
    Counter full = rejected.get(why.name().toLowerCase(java.util.Locale.ROOT));
    if (full != null) {
      full.increment();
    }
  }

  private static String outcome(Refusal why) {
    return switch (why) {
      case OVERLOADED, LIMITED, NO_MODEL, NOT_LOGGED, EXPIRED -> "rejected";
      case NO_VERSION, REVOKED, REQUEST_ID_REUSED -> "client_error";
      case INVALID_OUTPUT, FAILED, UNKNOWN_OUTCOME -> "error";
    };
  }

  /** The meters of one model version. */
  public final class ModelMeters {
    private final Counter success;
    private final Counter clientError;
    private final Counter rejected;
    private final Counter error;
    private final Timer duration;
    private final @Nullable Counter[] decisions = new Counter[4];

    private ModelMeters(String model, String version) {
      success = requests(model, version, "success");
      clientError = requests(model, version, "client_error");
      rejected = requests(model, version, "rejected");
      error = requests(model, version, "error");
      duration =
          Timer.builder("apgms_ml_inference_duration")
              .tags("model", model, "version", version)
              .serviceLevelObjectives(BUCKETS)
              .register(registry);
      for (int i = 0; i < decisions.length && !model.equals(NONE); i++) {
        decisions[i] = decisions(model, version, (i & 1) != 0, (i & 2) != 0);
      }
    }

    private Counter requests(String model, String version, String outcome) {
      return Counter.builder("apgms_ml_inference_requests")
          .tags("model", model, "version", version, "outcome", outcome)
          .register(registry);
    }

    private Counter decisions(String model, String version, boolean act, boolean review) {
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
  }
}
