package io.apgms.ml.gateway.decision;

import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.drift.Bins;
import io.apgms.ml.scoring.ServedModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What one event loop has scored by one version, in the cells of its baselines. Confined to that
 * loop.
 *
 * <p>Each decision costs a walk over all edges, without a branch, and an increment a feature; its
 * memory is fixed by the manifest.
 */
final class VersionTally {
  private final ServedModel model;
  private final Bins[] bins; // of the features, in tensor order
  private final Bins scoreBins;
  private final float[] edges; // of all features, one after another
  private final int[] edgesFrom;
  private final int[] cellsFrom;
  private final int[] cells;
  private final int[] refusedMissing;
  private final int[] refusedRange;
  private final int[] scores;
  private int reviews;
  private boolean touched;

  VersionTally(ServedModel model) {
    this.model = model;
    List<Feature> features = model.features();
    int n = features.size();
    this.bins = new Bins[n];
    this.edgesFrom = new int[n + 1];
    this.cellsFrom = new int[n + 1];
    List<double[]> all = new ArrayList<>(n);
    for (int i = 0; i < n; i++) {
      bins[i] = Bins.of(features.get(i).baseline(), features.get(i).nullable());
      double[] own = bins[i].edges();
      all.add(own);
      edgesFrom[i + 1] = edgesFrom[i] + own.length;
      cellsFrom[i + 1] = cellsFrom[i] + own.length + 2; // the bins, then what is missing
    }
    this.edges = new float[edgesFrom[n]];
    for (int i = 0; i < n; i++) {
      for (int e = 0; e < all.get(i).length; e++) {
        edges[edgesFrom[i] + e] = (float) all.get(i)[e]; // as values are: an equal one stays equal
      }
    }
    this.cells = new int[cellsFrom[n]];
    this.refusedMissing = new int[n];
    this.refusedRange = new int[n];
    this.scoreBins = Bins.of(model.scoreBaseline(), false);
    this.scores = new int[scoreBins.cells()];
  }

  /**
   * Counts a decision.
   *
   * @param rows row-major, NaN where missing
   * @param from where its row starts
   */
  void add(float[] rows, int from, double score, boolean review) {
    touched = true;
    scores[scoreBins.cell(score)]++;
    reviews += review ? 1 : 0;
    for (int f = 0; f < bins.length; f++) {
      float value = rows[from + f];
      int cell = cellsFrom[f];
      for (int e = edgesFrom[f]; e < edgesFrom[f + 1]; e++) {
        cell += value > edges[e] ? 1 : 0;
      }
      cells[Float.isNaN(value) ? cellsFrom[f + 1] - 1 : cell]++;
    }
  }

  /** Counts a request that was refused because a feature was missing. */
  void refusedMissing(int feature) {
    touched = true;
    refusedMissing[feature]++;
  }

  /** Counts a request that was refused because a feature was outside the manifest's range. */
  void refusedRange(int feature) {
    touched = true;
    refusedRange[feature]++;
  }

  /** What was counted since the last call; the score first, then each feature. */
  List<InputCount> drain() {
    if (!touched) {
      return List.of();
    }
    List<InputCount> out = new ArrayList<>(bins.length + 1);
    out.add(
        new InputCount(
            key(InputCount.SCORE),
            scoreBins.baseline(),
            longs(scores, 0, scores.length),
            0,
            0,
            0,
            reviews));
    for (int f = 0; f < bins.length; f++) {
      int last = cellsFrom[f + 1] - 1;
      out.add(
          new InputCount(
              key(model.features().get(f).name()),
              bins[f].baseline(),
              longs(cells, cellsFrom[f], cellsFrom[f] + bins[f].cells()),
              cells[last],
              refusedMissing[f],
              refusedRange[f],
              0));
    }
    clear();
    return out;
  }

  private InputCount.Key key(String feature) {
    return new InputCount.Key(model.modelId(), model.version(), feature);
  }

  private static long[] longs(int[] from, int start, int end) {
    long[] out = new long[end - start];
    Arrays.setAll(out, i -> from[start + i]);
    return out;
  }

  private void clear() {
    Arrays.fill(cells, 0);
    Arrays.fill(refusedMissing, 0);
    Arrays.fill(refusedRange, 0);
    Arrays.fill(scores, 0);
    reviews = 0;
    touched = false;
  }
}
