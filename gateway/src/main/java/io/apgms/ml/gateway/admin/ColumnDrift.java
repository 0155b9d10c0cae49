package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.DriftCount;
import io.apgms.ml.feedback.DriftDay;
import io.apgms.ml.registry.drift.Drift;
import io.apgms.ml.registry.drift.Drift.Verdict;
import org.jspecify.annotations.Nullable;

/**
 * What a window says of one column of one version.
 *
 * @param counts of all replicas together
 */
record ColumnDrift(DriftCount counts, Drift drift) {
  static ColumnDrift of(DriftCount counts) {
    return new ColumnDrift(counts, Drift.of(counts.baseline(), counts.cells()));
  }

  boolean isScore() {
    return counts.feature().isEmpty();
  }

  boolean isDrifted() {
    return drift.verdict() == Verdict.DRIFTED;
  }

  /** Of what was scored or refused for it, the share that had no value; NaN of nothing. */
  double missingRatio() {
    return (double) (counts.missing() + counts.refusedMissing()) / asked();
  }

  /** Likewise, the share that was refused because it was outside the manifest's range. */
  double outOfRangeRatio() {
    return (double) counts.refusedRange() / asked();
  }

  private long asked() {
    return drift.rows() + counts.refusedMissing() + counts.refusedRange();
  }

  DriftDay day() {
    return new DriftDay(
        counts,
        drift.rows(),
        known(drift.psi()),
        known(drift.jensenShannon()),
        known(drift.threshold()),
        drift.verdict().wire());
  }

  /** Null where it is not known. */
  static @Nullable Double known(double figure) {
    return Double.isNaN(figure) ? null : figure;
  }
}
