package io.apgms.ml.gateway.admin;

import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.registry.ErrorBudget;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Gauges of what is served, in which mode, and of its error budget; their labels come from the
 * registry alone.
 */
final class ControlMeters {
  // Micrometer takes the _info from a gauge's name: this one is the client library's own.
  private static final MetricMetadata INFO =
      new MetricMetadata("apgms_ml_model", "what is served, by digest");

  private volatile InfoSnapshot info = new InfoSnapshot(INFO, List.of());
  private final MultiGauge revision;
  private final MultiGauge drift;
  private final MultiGauge mode;
  private final MultiGauge flagAge;
  private final MultiGauge trial;
  private final MultiGauge remaining;
  private final MultiGauge burnRate;
  private final PrometheusMeterRegistry meters;
  private final ControlVerticle control;
  private final BudgetVerticle budgets;
  private final DecisionModes modes;
  private final ScoringRuntime runtime;

  ControlMeters(
      PrometheusMeterRegistry meters,
      ControlVerticle control,
      BudgetVerticle budgets,
      DecisionModes modes,
      ScoringRuntime runtime) {
    this.remaining = MultiGauge.builder("apgms_ml_error_budget_remaining_ratio").register(meters);
    this.burnRate = MultiGauge.builder("apgms_ml_error_budget_burn_rate").register(meters);
    this.budgets = budgets;
    meters.getPrometheusRegistry().register(() -> info);
    this.revision = MultiGauge.builder("apgms_ml_deployment_revision").register(meters);
    this.drift =
        MultiGauge.builder("apgms_ml_pointer_drift")
            .description("1 where another version is served than the one that should be")
            .register(meters);
    this.trial =
        MultiGauge.builder("apgms_ml_trial_state")
            .description("1 for the state of a model's newest trial")
            .register(meters);
    this.mode = MultiGauge.builder("apgms_ml_decision_mode").register(meters);
    this.flagAge = MultiGauge.builder("apgms_ml_flag_age_seconds").register(meters);
    this.meters = meters;
    this.control = control;
    this.modes = modes;
    this.runtime = runtime;
  }

  /** Brings the gauges up to date; called before each scrape. */
  synchronized void refresh(long nowNanos) {
    List<InfoDataPointSnapshot> infos = new ArrayList<>();
    List<Row<?>> revisions = new ArrayList<>();
    List<Row<?>> inForce = new ArrayList<>();
    List<Row<?>> ages = new ArrayList<>();
    for (ServedModel m : runtime.active()) {
      Tags model = Tags.of("model", m.modelId());
      var unused = CapAudit.counter(meters, m.modelId());
      infos.add(
          new InfoDataPointSnapshot(
              Labels.of("model", m.modelId(), "version", m.version(), "digest", m.digest())));
      PointerFile.Target target = control.serving().get(m.modelId());
      if (target != null) {
        revisions.add(Row.of(model, target.revision()));
      }
      var now = modes.resolve(FlagContext.whoever(m.modelId()), nowNanos);
      for (String name : new String[] {"observe", "act"}) {
        inForce.add(Row.of(model.and("mode", name), now.mode().wire().equals(name) ? 1 : 0));
      }
      ages.add(Row.of(model, now.flagAgeMs() < 0 ? Double.NaN : now.flagAgeMs() / 1e3));
    }
    drift.register(drifts(), true);
    info = new InfoSnapshot(INFO, infos);
    trial.register(trials(), true);
    revision.register(revisions, true);
    mode.register(inForce, true);
    flagAge.register(ages, true);
    refreshBudgets(Instant.now());
  }

  /** By a pin in the environment, or because it cannot be loaded. */
  private List<Row<?>> drifts() {
    List<Row<?>> drifts = new ArrayList<>();
    control
        .pointers()
        .forEach(
            (model, pointer) -> {
              ServedModel now = runtime.active(model);
              boolean same = now != null && now.version().equals(pointer.version());
              drifts.add(Row.of(Tags.of("model", model), same ? 0 : 1));
            });
    return drifts;
  }

  /** One series a state: so many for each model, whatever was on trial before. */
  private List<Row<?>> trials() {
    List<Row<?>> states = new ArrayList<>();
    for (Trial t : control.newestTrials()) {
      for (Trial.State state : Trial.State.values()) {
        states.add(
            Row.of(
                Tags.of("model", t.model(), "version", t.version(), "state", state.name()),
                t.state() == state ? 1 : 0));
      }
    }
    return states;
  }

  private void refreshBudgets(Instant now) {
    Set<String> models = new TreeSet<>(budgets.models());
    runtime.active().forEach(m -> models.add(m.modelId()));
    List<Row<?>> left = new ArrayList<>();
    List<Row<?>> rates = new ArrayList<>();
    for (String id : models) {
      ErrorBudget budget = budgets.of(id);
      Tags model = Tags.of("model", id);
      left.add(Row.of(model, budget == null ? Double.NaN : budget.remaining(now)));
      ErrorBudget.WINDOWS.forEach(
          (name, window) ->
              rates.add(
                  Row.of(
                      model.and("window", name),
                      budget == null ? Double.NaN : budget.burnRate(window, now))));
    }
    remaining.register(left, true);
    burnRate.register(rates, true);
  }
}
