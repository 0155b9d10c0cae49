package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The metrics that are read, asked of Prometheus or made from a replica's own page. */
public enum Series {
  /** Requests of the model. */
  REQUESTS(How.SUM_OF_INCREASES, Of.MODEL, "inference_requests_total", "version", "outcome"),
  /** Requests of every model. */
  EVERYONES(How.SUM_OF_INCREASES, Of.SERVICE, "inference_requests_total", "model", "outcome"),
  /** Answers by how long they took. */
  BUCKETS(How.SUM_OF_INCREASES, Of.MODEL, "inference_duration_seconds_bucket", "version", "le"),
  /** Errors of every model by kind. */
  ERRORS(How.SUM_OF_INCREASES, Of.SERVICE, "inference_errors_total", "error_type"),
  /** Refusals of every model by kind. */
  REJECTED(How.SUM_OF_INCREASES, Of.SERVICE, "inference_rejected_total", "reason"),
  /** Decisions of the model. */
  DECISIONS(
      How.SUM_OF_INCREASES,
      Of.MODEL,
      "decisions_total",
      "version",
      "mode",
      "recommendation",
      "enforced"),
  /** Labels of every model. */
  LABELS(How.SUM_OF_INCREASES, Of.SERVICE, "feedback_labels_total", "label", "source"),
  /** Labels of the last hour by the usual of that hour; 0 where they are few. */
  LABEL_VOLUME(How.MAX, Of.SERVICE, "feedback_volume_ratio", "source"),
  /** PSI of each feature, NaN of too few rows. */
  FEATURE_DRIFT(How.MAX, Of.MODEL, "feature_drift_score", "version", "feature"),
  /** What it may be. */
  FEATURE_BOUND(How.MAX, Of.MODEL, "feature_drift_threshold", "version", "feature"),
  /** PSI of the scores. */
  SCORE_DRIFT(How.MAX, Of.MODEL, "score_drift_score", "version"),
  /** What it may be. */
  SCORE_BOUND(How.MAX, Of.MODEL, "score_drift_threshold", "version"),
  /** 1 of the mode in force. */
  MODE(How.MAX, Of.MODEL, "decision_mode", "mode"),
  /** The revision that serves. */
  REVISION(How.MAX, Of.MODEL, "deployment_revision"),
  /** What is left of the error budget. */
  BUDGET(How.MIN, Of.MODEL, "error_budget_remaining_ratio"),
  /** How fast it burns. */
  BURN(How.MAX, Of.MODEL, "error_budget_burn_rate", "window"),
  /** When each replica's process began, in seconds since 1970. */
  STARTED(How.MAX, Of.JOB, "process_start_time_seconds", "instance"),
  /** Whether each replica answers Prometheus. */
  UP(How.MAX, Of.JOB, "up", "instance"),
  /** Alerts that fire, of the model or of none. */
  ALERTS(How.MAX, Of.FIRING, "ALERTS", "alertname", "severity");

  private enum How {
    SUM_OF_INCREASES,
    MAX,
    MIN
  }

  private enum Of {
    MODEL,
    SERVICE,
    JOB,
    FIRING
  }

  private final How how;
  private final Of of;
  private final String metric;

  @SuppressWarnings("ImmutableEnumChecker") // List.of is
  private final List<String> by;

  Series(How how, Of of, String name, String... by) {
    this.how = how;
    this.of = of;
    this.metric = of == Of.MODEL || of == Of.SERVICE ? "apgms_ml_" + name : name;
    this.by = List.of(by);
  }

  /** In PromQL. */
  public String query(String model, Duration window) {
    String filter =
        switch (of) {
          case MODEL -> "model=\"" + model + "\"";
          case SERVICE -> "";
          case JOB -> "job=\"ml-service\"";
          case FIRING -> "alertstate=\"firing\",model=~\"|" + model + "\"";
        };
    String vector = metric + "{" + filter + "}";
    if (how == How.SUM_OF_INCREASES) {
      vector = "increase(" + vector + "[" + window.toMillis() + "ms])";
      return "sum by (" + String.join(", ", by) + ") (" + vector + ")";
    }
    String best = how.name().toLowerCase(Locale.ROOT);
    return best + " by (" + String.join(", ", by) + ") (" + vector + ")";
  }

  /**
   * The same from a replica's page at two times.
   *
   * @param earlier empty to count from the replica's start
   */
  List<Track> of(String model, List<Sample> earlier, List<Sample> later, Instant at) {
    Map<Sample.Key, Double> before =
        earlier.stream()
            .filter(s -> wanted(s, model))
            .collect(Collectors.toMap(Sample::key, Sample::value, Double::max));
    Map<Map<String, String>, Double> groups = new HashMap<>();
    for (Sample sample : later) {
      if (wanted(sample, model)) {
        double since = sample.value() - before.getOrDefault(sample.key(), 0.0);
        double value = how != How.SUM_OF_INCREASES || since < 0 ? sample.value() : since;
        groups.merge(group(sample), value, this::joined);
      }
    }
    List<Track> tracks = new ArrayList<>();
    groups.forEach((labels, value) -> tracks.add(new Track(labels, one(at, value))));
    return tracks;
  }

  private static NavigableMap<Instant, Double> one(Instant at, double value) {
    NavigableMap<Instant, Double> points = new TreeMap<>();
    points.put(at, value);
    return points;
  }

  private boolean wanted(Sample sample, String model) {
    return sample.name().equals(metric)
        && (of != Of.MODEL || model.equals(sample.labels().get("model")));
  }

  private Map<String, String> group(Sample sample) {
    Map<String, String> labels = new TreeMap<>();
    for (String name : by) {
      labels.put(name, sample.labels().getOrDefault(name, ""));
    }
    return labels;
  }

  private double joined(double a, double b) {
    return switch (how) {
      case SUM_OF_INCREASES -> a + b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
    };
  }
}
