package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.DriftCount;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.drift.Bins;
import io.apgms.ml.registry.drift.Drift;
import io.apgms.ml.scoring.ServedModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a window says of one version: of its score, and of each feature.
 *
 * @param window {@code 1h}, or {@code 24h} where the last hour has too few rows
 * @param isCurrent whether anything was counted in the last hour
 */
record VersionDrift(
    String model,
    String version,
    String window,
    boolean isCurrent,
    ColumnDrift score,
    List<ColumnDrift> features) {
  static final String HOUR = "1h";
  static final String DAY = "24h";

  VersionDrift {
    features = List.copyOf(features);
  }

  private record Version(String model, String version) {}

  /** Rows of the window: each has a score. */
  long rows() {
    return score.drift().rows();
  }

  /** Of the score first. */
  Stream<ColumnDrift> columns() {
    return Stream.concat(Stream.of(score), features.stream());
  }

  boolean isDrifted() {
    return columns().anyMatch(ColumnDrift::isDrifted);
  }

  /**
   * Each version that was counted in the last day, each by the last hour where that has enough
   * rows, else by the day.
   *
   * @param hour sums of the last hour
   * @param day sums of the last day; may be a minute older, and so of fewer rows than the hour
   */
  static List<VersionDrift> of(List<DriftCount> hour, List<DriftCount> day) {
    Map<Version, List<DriftCount>> recent = byVersion(hour);
    Map<Version, List<DriftCount>> all = byVersion(day);
    recent.forEach((version, last) -> all.merge(version, last, VersionDrift::more));
    List<VersionDrift> out = new ArrayList<>();
    all.forEach(
        (version, whole) -> {
          List<DriftCount> last = recent.getOrDefault(version, List.of());
          boolean enough = rows(last) >= Drift.MIN_ROWS;
          out.add(of(version, enough ? HOUR : DAY, !last.isEmpty(), enough ? last : whole));
        });
    return out;
  }

  private static VersionDrift of(
      Version of, String window, boolean isCurrent, List<DriftCount> counts) {
    ColumnDrift score = ColumnDrift.of(none(of, "", new long[0]));
    List<ColumnDrift> features = new ArrayList<>();
    for (DriftCount count : counts) {
      ColumnDrift column = ColumnDrift.of(count);
      if (column.isScore()) {
        score = column;
      } else {
        features.add(column);
      }
    }
    return new VersionDrift(of.model, of.version, window, isCurrent, score, features);
  }

  /** Of a version that has scored nothing yet. */
  static VersionDrift nothing(ServedModel model) {
    Version of = new Version(model.modelId(), model.version());
    List<DriftCount> none = new ArrayList<>();
    none.add(none(of, "", Bins.of(model.scoreBaseline(), false).baseline()));
    for (Feature f : model.features()) {
      none.add(none(of, f.name(), Bins.of(f.baseline(), f.nullable()).baseline()));
    }
    return of(of, DAY, false, none);
  }

  private static DriftCount none(Version of, String feature, long[] baseline) {
    long[] cells = new long[baseline.length];
    return new DriftCount(of.model, of.version, feature, baseline, cells, 0, 0, 0, 0);
  }

  private static List<DriftCount> more(List<DriftCount> day, List<DriftCount> hour) {
    return rows(hour) > rows(day) ? hour : day;
  }

  private static long rows(List<DriftCount> columns) {
    return columns.stream()
        .filter(c -> c.feature().isEmpty())
        .mapToLong(c -> Arrays.stream(c.cells()).sum())
        .sum();
  }

  private static Map<Version, List<DriftCount>> byVersion(List<DriftCount> counts) {
    Map<Version, List<DriftCount>> byVersion = new LinkedHashMap<>();
    for (DriftCount c : counts) {
      byVersion
          .computeIfAbsent(new Version(c.modelId(), c.modelVersion()), v -> new ArrayList<>())
          .add(c);
    }
    return byVersion;
  }
}
