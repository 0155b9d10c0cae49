package io.apgms.ml.scoring;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.Explainer.Estimate;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * What an explanation costs and how far it is off, by the number of walk pairs, for the newest
 * version of each shipped model. Run by {@code tools/explain-table.sh}.
 */
public final class ExplainTable {
  private static final int CASES = 40;
  private static final int WARM_UPS = 3;
  private static final int TRUTH_PAIRS = 16_384;
  private static final int[] PAIRS = {8, 16, 32, 64, 128, 256, 512};

  private ExplainTable() {}

  /** Prints one table. */
  public static void main(String[] arguments) {
    ArtifactStore store =
        ArtifactStore.withoutSignatures(Path.of(System.getProperty("ml.home"), "artifacts/models"));
    System.out.println(
        "| model | walks | rows scored | ms | standard error | error, median | error, largest |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (String model : List.of("risk-score", "credit-default")) {
      List<String> versions = store.versions(model);
      table(store.load(model, versions.get(versions.size() - 1)));
    }
  }

  private static void table(VerifiedArtifact artifact) {
    int width = artifact.manifest().features().size();
    try (TorchModel torch = TorchModel.load(artifact.torchScript(), width)) {
      float[] cases = background(artifact, CASES, 7);
      Estimate[] truth = new Estimate[CASES];
      for (int i = 0; i < CASES; i++) {
        truth[i] = estimate(torch, artifact, cases, i, TRUTH_PAIRS, 99);
      }
      for (int pairs : PAIRS) {
        row(torch, artifact, cases, truth, pairs);
      }
    }
  }

  private static void row(
      TorchModel torch, VerifiedArtifact artifact, float[] cases, Estimate[] truth, int pairs) {
    double[] ms = new double[CASES];
    double[] said = new double[CASES];
    double[] off = new double[CASES];
    int rows = 0;
    for (int i = -WARM_UPS; i < CASES; i++) {
      int which = Math.max(0, i);
      long start = System.nanoTime();
      Estimate estimate = estimate(torch, artifact, cases, which, pairs, 1_000 + which);
      ms[which] = (System.nanoTime() - start) / 1e6;
      said[which] = Arrays.stream(estimate.standardErrors()).max().orElse(0);
      off[which] = 0;
      for (int j = 0; j < estimate.contributions().length; j++) {
        double miss = estimate.contributions()[j] - truth[which].contributions()[j];
        off[which] = Math.max(off[which], Math.abs(miss));
      }
      rows = estimate.rowsScored();
    }
    System.out.printf(
        "| %s | %d | %d | %.2f | %.4f | %.4f | %.4f |%n",
        artifact.manifest().model(),
        2 * pairs,
        rows,
        median(ms),
        median(said),
        median(off),
        Arrays.stream(off).max().orElse(0));
  }

  /** All of it, the background as well: what a request waits for. */
  private static Estimate estimate(
      TorchModel torch, VerifiedArtifact artifact, float[] cases, int which, int pairs, long seed) {
    int width = artifact.manifest().features().size();
    Random random = new Random(seed);
    float[] rows =
        Background.rows(artifact.manifest().features(), artifact.golden(), pairs, random);
    float[] row = Arrays.copyOfRange(cases, which * width, (which + 1) * width);
    return new Explainer().estimate(torch::score, rows, row, random);
  }

  private static float[] background(VerifiedArtifact artifact, int count, long seed) {
    return Background.rows(
        artifact.manifest().features(), artifact.golden(), count, new Random(seed));
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
