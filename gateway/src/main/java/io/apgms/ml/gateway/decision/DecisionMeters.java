package io.apgms.ml.gateway.decision;

import io.apgms.ml.gateway.decision.ModelMeters.SloCount;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The decision counters, looked up once per model version. Label values come from the registry and
 * from closed lists, never from a request.
 */
public final class DecisionMeters {
  private final MeterRegistry registry;
  private final Map<String, ModelMeters> byVersion = new ConcurrentHashMap<>();
  private final Map<String, ModelMeters> newest = new ConcurrentHashMap<>();
  private final ModelMeters unknown;
  private final InputCounts inputs = new InputCounts();
  private final Map<Refusal, Counter> errors = new EnumMap<>(Refusal.class);
  private final Map<Refusal, Counter> rejected = new EnumMap<>(Refusal.class);
  private final Counter linesDropped;

  /** Registers everything that does not depend on a model, so that it is there at once. */
  public DecisionMeters(MeterRegistry registry) {
    this.registry = registry;
    this.unknown = ModelMeters.ofNone(registry);
    this.linesDropped =
        Counter.builder("apgms_ml_decision_lines_dropped")
            .description("log lines of traced requests over what a second has")
            .register(registry);
    for (Refusal refusal : Refusal.values()) {
      String type = refusal.name().toLowerCase(Locale.ROOT);
      if (outcome(refusal).equals("error")) {
        errors.put(
            refusal,
            Counter.builder("apgms_ml_inference_errors")
                .tag("error_type", type)
                .register(registry));
      } else if (outcome(refusal).equals("rejected")) {
        rejected.put(
            refusal,
            Counter.builder("apgms_ml_inference_rejected").tag("reason", type).register(registry));
      }
    }
  }

  /** What was scored, for drift. */
  public InputCounts inputs() {
    return inputs;
  }

  /** The meters of a served version; registers them when it is new. */
  ModelMeters of(ServedModel model) {
    return byVersion.computeIfAbsent(
        model.modelId() + "/" + model.version(),
        key -> {
          ModelMeters meters = ModelMeters.of(registry, model);
          newest.put(model.modelId(), meters);
          return meters;
        });
  }

  /** Counts a request that named no model that is served. */
  public void clientError() {
    unknown.clientError();
  }

  /**
   * Counts a request that came while no version was active.
   *
   * @param modelId null where none is known
   */
  public void noModel(@Nullable String modelId) {
    refused(Refusal.NO_MODEL, null, modelId, false);
  }

  /** Counts a line that was not written. */
  void lineDropped() {
    linesDropped.increment();
  }

  /** Counts a request over its loop's limit, whose body was not looked at. */
  public void limited() {
    refused(Refusal.LIMITED, null, null, false);
  }

  /**
   * Counts what got no decision.
   *
   * @param model whose it was; null counts it to the version of {@code modelId} that served last
   * @param modelId as asked for; one that never served has no series
   * @param hurried whether the caller's own deadline ended it, before the SLO's bound
   */
  void refused(
      Refusal why, @Nullable ServedModel model, @Nullable String modelId, boolean hurried) {
    ModelMeters meters =
        model != null
            ? of(model)
            : modelId == null ? unknown : newest.getOrDefault(modelId, unknown);
    switch (outcome(why)) {
      case "error" -> meters.error();
      case "rejected" -> meters.rejected();
      default -> meters.clientError();
    }
    if (hurried && !outcome(why).equals("client_error")) {
      meters.hurried();
    }
    Counter error = errors.get(why);
    if (error != null) {
      error.increment();
    }
    Counter full = rejected.get(why);
    if (full != null) {
      full.increment();
    }
  }

  /** What each version has counted against its SLO since the start. */
  List<SloCount> slos() {
    List<SloCount> counts = new ArrayList<>();
    for (ModelMeters meters : byVersion.values()) {
      SloCount count = meters.slo();
      if (count != null) {
        counts.add(count);
      }
    }
    return counts;
  }

  /** Requests over a loop's limit since the start: of which model was not looked at. */
  long limitedCount() {
    Counter limited = rejected.get(Refusal.LIMITED);
    return limited == null ? 0 : (long) limited.count();
  }

  private static String outcome(Refusal why) {
    return switch (why) {
      case OVERLOADED, LIMITED, NO_MODEL, NOT_LOGGED, EXPIRED -> "rejected";
      case NO_VERSION, REVOKED, REQUEST_ID_REUSED -> "client_error";
      case INVALID_OUTPUT, FAILED, UNKNOWN_OUTCOME -> "error";
    };
  }
}
