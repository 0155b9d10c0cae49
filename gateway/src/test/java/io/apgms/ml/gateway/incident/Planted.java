package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.IntToDoubleFunction;

/** Series made up: a quarter of an hour, each fifteen seconds. */
final class Planted {
  static final Instant START = Instant.parse("2026-11-23T08:00:00Z");
  static final int POINTS = 61;
  static final Grid GRID =
      new Grid(START, at(POINTS - 1), Duration.ofSeconds(15), Duration.ofSeconds(60));
  static final Bounds BOUNDS = Bounds.of(250, 0.999, false);
  static final String OLD = "20261116";
  static final String NEW = "20261123";

  private final Map<Series, List<Track>> tracks = new EnumMap<>(Series.class);

  /** The time of a point. */
  static Instant at(int point) {
    return START.plusSeconds(15L * point);
  }

  static IntToDoubleFunction always(double value) {
    return point -> value;
  }

  static IntToDoubleFunction since(int start, double value) {
    return point -> point >= start ? value : 0;
  }

  /** A series; labels as name, value, name, value. NaN leaves a point out. */
  Planted add(Series series, IntToDoubleFunction value, String... labels) {
    Map<String, String> names = new TreeMap<>();
    for (int i = 0; i < labels.length; i += 2) {
      names.put(labels[i], labels[i + 1]);
    }
    NavigableMap<Instant, Double> points = new TreeMap<>();
    for (int i = 0; i < POINTS; i++) {
      double now = value.applyAsDouble(i);
      if (!Double.isNaN(now)) {
        points.put(at(i), now);
      }
    }
    tracks.computeIfAbsent(series, s -> new ArrayList<>()).add(new Track(names, points));
    return this;
  }

  /** Requests of a version, of which some are late and some fail. */
  Planted traffic(
      String version,
      IntToDoubleFunction all,
      IntToDoubleFunction late,
      IntToDoubleFunction failed) {
    IntToDoubleFunction good = i -> all.applyAsDouble(i) - failed.applyAsDouble(i);
    add(Series.REQUESTS, good, "version", version, "outcome", "success");
    add(Series.REQUESTS, failed, "version", version, "outcome", "error");
    IntToDoubleFunction soon = i -> Math.max(0, good.applyAsDouble(i) - late.applyAsDouble(i));
    add(Series.BUCKETS, always(0), "version", version, "le", "0.001");
    add(Series.BUCKETS, soon, "version", version, "le", "0.1");
    add(Series.BUCKETS, soon, "version", version, "le", "0.25");
    add(Series.BUCKETS, good, "version", version, "le", "1.0");
    return add(Series.BUCKETS, good, "version", version, "le", "+Inf");
  }

  Planted kind(String kind, IntToDoubleFunction count) {
    boolean refusal = !List.of("invalid_output", "failed", "unknown_outcome").contains(kind);
    return refusal
        ? add(Series.REJECTED, count, "reason", kind)
        : add(Series.ERRORS, count, "error_type", kind);
  }

  Planted drift(String feature, IntToDoubleFunction psi) {
    add(Series.FEATURE_BOUND, always(0.1), "version", NEW, "feature", feature);
    return add(Series.FEATURE_DRIFT, psi, "version", NEW, "feature", feature);
  }

  Reading reading() {
    return new Reading(GRID, tracks);
  }

  Triage.Verdict verdict() throws java.io.IOException {
    return Triage.of(reading(), BOUNDS, (symptom, crossing) -> crossing);
  }
}
