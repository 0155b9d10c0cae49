package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.LabelOutcome;
import io.apgms.ml.registry.gate.BiasDeltas.Figure;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Gauges of drift and of how decisions turned out, of all replicas together: for the active
 * versions, and for those that were counted in the last hour. NaN where there is too little to say
 * anything. Labels are versions and features of manifests.
 */
final class DriftMeters {
  private final Map<MultiGauge, ToDoubleFunction<ColumnDrift>> ofFeatures = new LinkedHashMap<>();
  private final Map<MultiGauge, ToDoubleFunction<ColumnDrift>> ofScores = new LinkedHashMap<>();
  private final Map<MultiGauge, ToDoubleFunction<LabelOutcome>> ofLabels = new LinkedHashMap<>();
  private final MultiGauge rows;
  private final MultiGauge coverage;
  private final MultiGauge bias;
  private final DriftVerticle drift;
  private final ScoringRuntime runtime;

  DriftMeters(MeterRegistry meters, DriftVerticle drift, ScoringRuntime runtime) {
    this.drift = drift;
    this.runtime = runtime;
    this.rows =
        MultiGauge.builder("apgms_ml_drift_rows")
            .description("rows of the window that drift is measured over")
            .register(meters);
    this.coverage =
        MultiGauge.builder("apgms_ml_label_coverage_ratio")
            .description("share of the decisions of thirty days that have a label")
            .register(meters);
    this.bias =
        MultiGauge.builder("apgms_ml_bias_delta")
            .description("distance of a protected group from all, as the bias gate measures it")
            .register(meters);
    labels(meters, "precision_estimate", "of labelled reviews", LabelOutcome::precision);
    labels(meters, "recall_estimate", "where labels are a fair sample", LabelOutcome::recall);
    labels(meters, "label_lag_seconds", "median, prediction to label", LabelOutcome::lagSeconds);
    both(meters, "drift_score", "population stability index", c -> c.drift().psi());
    both(meters, "drift_jensen_shannon", "divergence in nats", c -> c.drift().jensenShannon());
    both(meters, "drift_threshold", "drift is above it", c -> c.drift().threshold());
    feature(meters, "missing_ratio", "without a value", ColumnDrift::missingRatio);
    feature(
        meters,
        "out_of_range_ratio",
        "refused, outside the manifest's range",
        ColumnDrift::outOfRangeRatio);
  }

  private void both(
      MeterRegistry meters, String name, String what, ToDoubleFunction<ColumnDrift> value) {
    feature(meters, name, what, value);
    ofScores.put(
        MultiGauge.builder("apgms_ml_score_" + name).description(what).register(meters), value);
  }

  private void feature(
      MeterRegistry meters, String name, String what, ToDoubleFunction<ColumnDrift> value) {
    ofFeatures.put(
        MultiGauge.builder("apgms_ml_feature_" + name).description(what).register(meters), value);
  }

  private void labels(
      MeterRegistry meters, String name, String what, ToDoubleFunction<LabelOutcome> value) {
    ofLabels.put(MultiGauge.builder("apgms_ml_" + name).description(what).register(meters), value);
  }

  /** Brings the gauges up to date; called before each scrape. */
  synchronized void refresh() {
    Map<Tags, VersionDrift> shown = shown();
    List<Row<?>> counted = new ArrayList<>();
    shown.forEach((tags, v) -> counted.add(Row.of(tags, v.rows())));
    rows.register(counted, true);
    refreshLabels(shown.values());
    refreshBias();
    ofScores.forEach(
        (gauge, value) -> {
          List<Row<?>> all = new ArrayList<>();
          shown.forEach((tags, v) -> all.add(Row.of(tags, value.applyAsDouble(v.score()))));
          gauge.register(all, true);
        });
    ofFeatures.forEach(
        (gauge, value) -> {
          List<Row<?>> all = new ArrayList<>();
          shown.forEach(
              (tags, v) ->
                  v.features()
                      .forEach(
                          c ->
                              all.add(
                                  Row.of(
                                      tags.and("feature", c.counts().feature()),
                                      value.applyAsDouble(c)))));
          gauge.register(all, true);
        });
  }

  private void refreshLabels(Collection<VersionDrift> shown) {
    DriftVerticle.Reading last = drift.reading();
    Map<Tags, LabelOutcome> outcomes = new LinkedHashMap<>();
    for (VersionDrift v : shown) {
      outcomes.put(
          tags(v.model(), v.version()),
          last == null
              ? LabelOutcome.none(v.model(), v.version())
              : last.outcome(v.model(), v.version()));
    }
    ofLabels.forEach(
        (gauge, value) -> {
          List<Row<?>> all = new ArrayList<>();
          outcomes.forEach((tags, o) -> all.add(Row.of(tags, value.applyAsDouble(o))));
          gauge.register(all, true);
        });
    List<Row<?>> covered = new ArrayList<>();
    outcomes.forEach(
        (tags, o) -> {
          covered.add(Row.of(tags.and("recommendation", "review"), o.coverage(true)));
          covered.add(Row.of(tags.and("recommendation", "allow"), o.coverage(false)));
        });
    coverage.register(covered, true);
  }

  /** Bands and figures are those of the schemas; too few rows for the policy say nothing. */
  private void refreshBias() {
    DriftVerticle.Reading last = drift.reading();
    List<Row<?>> all = new ArrayList<>();
    if (last != null) {
      last.bias()
          .forEach(
              (of, figures) -> {
                for (Figure f : figures) {
                  Tags tags =
                      tags(of.model(), of.version())
                          .and("attribute", f.column(), "group", f.band())
                          .and("figure", f.figure().replaceAll("[^a-z]", "_"));
                  all.add(Row.of(tags, f.isMeasurable() ? f.delta() : Double.NaN));
                }
              });
    }
    bias.register(all, true);
  }

  private Map<Tags, VersionDrift> shown() {
    Map<Tags, VersionDrift> shown = new LinkedHashMap<>();
    for (ServedModel model : runtime.active()) {
      shown.put(tags(model.modelId(), model.version()), VersionDrift.nothing(model));
    }
    DriftVerticle.Reading last = drift.reading();
    if (last != null) {
      for (VersionDrift v : last.versions()) {
        Tags tags = tags(v.model(), v.version());
        if (v.isCurrent() || shown.containsKey(tags)) {
          shown.put(tags, v);
        }
      }
    }
    return shown;
  }

  private static Tags tags(String model, String version) {
    return Tags.of("model", model, "version", version);
  }
}
