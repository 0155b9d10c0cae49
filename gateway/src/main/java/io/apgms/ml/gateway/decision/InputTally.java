package io.apgms.ml.gateway.decision;

import io.apgms.ml.scoring.ServedModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one event loop has scored since it was last asked, by version. Confined to that loop, so
 * counting takes no lock and no atomic; versions are those that were served.
 */
public final class InputTally {
  private final Map<String, VersionTally> byVersion = new HashMap<>();
  private @Nullable ServedModel last;
  private @Nullable VersionTally lastTally;

  InputTally() {}

  /** Counts a decision on one row. */
  void add(ServedModel model, float[] row, double score, boolean review) {
    of(model).add(row, 0, score, review);
  }

  /** Counts a decision on each of many rows. */
  void addAll(ServedModel model, float[] rows, double[] scores) {
    VersionTally tally = of(model);
    int width = model.features().size();
    for (int i = 0; i < scores.length; i++) {
      tally.add(rows, i * width, scores[i], scores[i] >= model.threshold());
    }
  }

  /** Counts a request that was refused for a feature, by its place in the tensor. */
  public void refused(ServedModel model, int feature, boolean missing) {
    if (missing) {
      of(model).refusedMissing(feature);
    } else {
      of(model).refusedRange(feature);
    }
  }

  @SuppressWarnings("ReferenceEquality") // one object a load: equal ones are looked up
  private VersionTally of(ServedModel model) {
    VersionTally tally = lastTally;
    if (model != last || tally == null) {
      tally =
          byVersion.computeIfAbsent(
              model.modelId() + "/" + model.version() + "/" + model.digest(),
              key -> new VersionTally(model));
      last = model;
      lastTally = tally;
    }
    return tally;
  }

  /** What was counted since the last call. */
  List<InputCount> drain() {
    List<InputCount> counts = new ArrayList<>();
    byVersion.values().forEach(tally -> counts.addAll(tally.drain()));
    return counts;
  }
}
