package io.apgms.ml.registry;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a rehearsal of a model's rollback came to.
 *
 * @param active the version that was active
 * @param target the version that a rollback would restore; null where there is none
 * @param times null unless it passed
 * @param detail why it did not pass, as it is told to people; empty where it did
 */
public record DrillResult(
    String model,
    String active,
    @Nullable String target,
    Outcome outcome,
    @Nullable Times times,
    String detail) {
  private static final int MAX_DETAIL = 500;

  public DrillResult {
    Names.requireModel(model);
    if ((outcome == Outcome.PASSED) != (times != null)) {
      throw new IllegalArgumentException("times of a drill that " + outcome.wire() + ": " + times);
    }
    detail = detail.substring(0, Math.min(detail.length(), MAX_DETAIL));
  }

  /**
   * From asking which version it is to its golden rows' scores.
   *
   * @param warmSeconds with the version kept in memory
   * @param diskSeconds with the version read, verified and loaded anew
   */
  public record Times(double warmSeconds, double diskSeconds) {}

  /** Passed, or the closed set of reasons why not. */
  public enum Outcome {
    PASSED,
    /** A rollback would be refused: no earlier version that is good, or a pin. */
    NO_TARGET,
    /** The registry has no such folder. */
    MISSING,
    /** The version, its digest or its key is revoked. */
    REVOKED,
    /** What is on disk is not what was signed and deployed. */
    ALTERED,
    /** libtorch cannot load it or its forward fails. */
    UNLOADABLE,
    /** A golden row has another score. */
    GOLDEN;

    /** As it is stored, and in labels. */
    public String wire() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }

    /** Every one but {@link #PASSED}. */
    public static List<Outcome> failures() {
      return Arrays.stream(values()).filter(o -> o != PASSED).toList();
    }

    static Optional<Outcome> of(String wire) {
      return Arrays.stream(values()).filter(o -> o.wire().equals(wire)).findFirst();
    }
  }

  Map<String, @Nullable Object> auditDetail() {
    Map<String, @Nullable Object> all = new HashMap<>();
    all.put("outcome", outcome.wire());
    all.put("from", active);
    all.put("to", target);
    if (times == null) {
      all.put("reason", detail);
    } else {
      all.put("warmMs", Math.round(times.warmSeconds() * 1e3));
      all.put("diskMs", Math.round(times.diskSeconds() * 1e3));
    }
    return all;
  }
}
