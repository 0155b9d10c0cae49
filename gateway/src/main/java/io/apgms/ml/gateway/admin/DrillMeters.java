package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.DrillResult.Outcome;
import io.apgms.ml.registry.DrillResult.Times;
import io.apgms.ml.registry.Drills.Tally;
import io.apgms.ml.scoring.ScoringRuntime;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rehearsals of rollbacks as metrics, the same from every replica: as PostgreSQL had them when
 * it was read last. Runs on one event loop; labels are models that the registry has, and outcomes.
 */
final class DrillMeters {
  private static final Logger LOG = LoggerFactory.getLogger(DrillMeters.class);

  private final Supplier<Future<List<Tally>>> source;
  private final ScoringRuntime runtime;
  private final MeterRegistry meters;
  private final MultiGauge seconds;
  private final MultiGauge lastSuccess;
  private final Map<String, Map<Outcome, Tally>> known = new TreeMap<>();
  private final Map<String, Map<Outcome, Counter>> failures = new TreeMap<>();
  private boolean everRead;
  private boolean reading;

  /** Nothing is known until {@link #read()}: no time, success never. */
  DrillMeters(Supplier<Future<List<Tally>>> source, ScoringRuntime runtime, MeterRegistry meters) {
    this.source = source;
    this.runtime = runtime;
    this.meters = meters;
    this.seconds =
        MultiGauge.builder("apgms_ml_rollback_drill_seconds")
            .description("of the newest rehearsal that passed, to the first golden scores")
            .register(meters);
    this.lastSuccess =
        MultiGauge.builder("apgms_ml_rollback_drill_last_success_timestamp_seconds")
            .description("0 where no rehearsal has passed")
            .register(meters);
    show();
  }

  /** Reads once, unless a reading is under way; while the database is away what is known stays. */
  Future<Void> read() {
    if (reading) {
      return Future.succeededFuture();
    }
    reading = true;
    return source
        .get()
        .map(this::take)
        .onComplete(done -> reading = false)
        .onFailure(e -> LOG.debug("rehearsals not read: {}", e.getMessage()))
        .otherwiseEmpty();
  }

  private Void take(List<Tally> tallies) {
    for (Tally tally : tallies) {
      Tally before =
          known
              .computeIfAbsent(tally.model(), m -> new EnumMap<>(Outcome.class))
              .put(tally.outcome(), tally);
      count(tally, before == null ? 0 : before.runs());
    }
    everRead = true;
    show();
    return null;
  }

  private void count(Tally tally, long counted) {
    Counter counter = counters(tally.model()).get(tally.outcome());
    if (counter == null || tally.runs() <= counted) {
      return; // it passed, or nothing is new
    }
    counter.increment((double) (tally.runs() - counted));
    if (everRead) {
      LOG.error(
          "ROLLBACK DRILL FAILED: {}: {}; a rollback may not work, see the audit log",
          tally.model(),
          tally.outcome().wire());
    }
  }

  private Map<Outcome, Counter> counters(String model) {
    return failures.computeIfAbsent(
        model,
        m -> {
          Map<Outcome, Counter> its = new EnumMap<>(Outcome.class);
          for (Outcome reason : Outcome.failures()) {
            its.put(
                reason,
                Counter.builder("apgms_ml_rollback_drill_failures")
                    .tags("model", m, "reason", reason.wire())
                    .register(meters));
          }
          return its;
        });
  }

  private void show() {
    runtime
        .active()
        .forEach(m -> known.computeIfAbsent(m.modelId(), id -> new EnumMap<>(Outcome.class)));
    List<Row<?>> times = new ArrayList<>();
    List<Row<?>> successes = new ArrayList<>();
    known.forEach(
        (id, its) -> {
          Tags model = Tags.of("model", id);
          Tally passed = its.get(Outcome.PASSED);
          Times newest = passed == null ? null : passed.times();
          counters(id);
          times.add(Row.of(model.and("from", "warm"), of(newest, Times::warmSeconds)));
          times.add(Row.of(model.and("from", "disk"), of(newest, Times::diskSeconds)));
          successes.add(Row.of(model, passed == null ? 0 : passed.lastAt().toEpochMilli() / 1e3));
        });
    seconds.register(times, true);
    lastSuccess.register(successes, true);
  }

  private static double of(
      @Nullable Times times, java.util.function.ToDoubleFunction<Times> which) {
    return times == null ? Double.NaN : which.applyAsDouble(times);
  }
}
