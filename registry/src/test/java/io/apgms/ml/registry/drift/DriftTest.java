package io.apgms.ml.registry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.drift.Drift.Verdict;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class DriftTest {
  private final SplittableRandom random = new SplittableRandom(11);

  /** Baselines of the shipped models, by model and column. */
  static Map<String, long[]> shipped() {
    Map<String, long[]> baselines = new LinkedHashMap<>();
    ArtifactStore store = ArtifactStore.withoutSignatures(Path.of("../artifacts/models"));
    for (String model : List.of("credit-default", "risk-score")) {
      Manifest manifest = store.load(model, "20261123").manifest();
      baselines.put(model + " score", Bins.of(manifest.scoreBaseline(), false).baseline());
      for (Manifest.Feature f : manifest.features()) {
        baselines.put(model + " " + f.name(), Bins.of(f.baseline(), f.nullable()).baseline());
      }
    }
    return baselines;
  }

  /** So many rows that fall as the weights have it. */
  private long[] drawn(long[] weights, long rows) {
    long all = Arrays.stream(weights).sum();
    long[] counts = new long[weights.length];
    for (long i = 0; i < rows; i++) {
      long left = random.nextLong(all);
      int cell = 0;
      while (left >= weights[cell]) {
        left -= weights[cell++];
      }
      counts[cell]++;
    }
    return counts;
  }

  private long[] anything(int cells) {
    long[] counts = new long[cells];
    int most = 1 << random.nextInt(20);
    Arrays.setAll(counts, i -> random.nextInt(4) == 0 ? 0 : random.nextInt(most));
    counts[random.nextInt(cells)] = 1L + random.nextInt(most); // not empty
    return counts;
  }

  @Test
  void psi_ofKnownShares_isTheTextbooksFigure() {
    // (0.5 − 0.4) ln (0.5 / 0.4) + (0.5 − 0.6) ln (0.5 / 0.6)
    double expected = 0.1 * Math.log(1.25) - 0.1 * Math.log(0.5 / 0.6);
    assertThat(Drift.psi(new long[] {5_000_000, 5_000_000}, new long[] {4_000_000, 6_000_000}))
        .isCloseTo(expected, within(1e-6));
  }

  @Test
  void measures_ofAnyCounts_keepTheirBoundsAndDoNotChangeWithTheSides() {
    for (int i = 0; i < 5_000; i++) {
      int cells = 1 + random.nextInt(12);
      long[] a = anything(cells);
      long[] b = anything(cells);
      double psi = Drift.psi(a, b);
      assertThat(psi).isFinite().isGreaterThanOrEqualTo(0);
      assertThat(Drift.psi(b, a)).isCloseTo(psi, within(1e-12));
      double js = Drift.jensenShannon(a, b);
      assertThat(js).isBetween(0.0, Math.log(2));
      assertThat(Drift.jensenShannon(b, a)).isCloseTo(js, within(1e-12));
      assertThat(Drift.psi(a, a)).isZero();
      assertThat(Drift.jensenShannon(a, a)).isZero();
    }
  }

  @Test
  void jensenShannon_ofSharesWithoutACommonCell_isLnTwo() {
    assertThat(Drift.jensenShannon(new long[] {7, 0, 3}, new long[] {0, 9, 0}))
        .isCloseTo(Math.log(2), within(1e-12));
    assertThat(Drift.jensenShannon(new long[] {0, 0}, new long[] {1, 1})).isNaN();
  }

  @Test
  void of_tooFewRowsOrNoBaseline_saysSoAndNothingElse() {
    long[] baseline = {1_000, 1_000};
    Drift few = Drift.of(baseline, new long[] {499, 0});
    assertThat(few.verdict()).isEqualTo(Verdict.INSUFFICIENT_DATA);
    assertThat(few.psi()).isNaN();
    assertThat(few.threshold()).isNaN();
    assertThat(few.rows()).isEqualTo(499);
    assertThat(Drift.of(baseline, new long[] {500, 0}).verdict()).isEqualTo(Verdict.DRIFTED);
    assertThat(Drift.of(baseline, new long[] {250, 250}).verdict()).isEqualTo(Verdict.STABLE);
    assertThat(Drift.of(new long[] {9}, new long[] {900}).verdict()).isEqualTo(Verdict.NO_BASELINE);
    assertThat(Drift.of(new long[2], new long[] {900, 9}).verdict()).isEqualTo(Verdict.NO_BASELINE);
    assertThatThrownBy(() -> Drift.of(baseline, new long[] {500, 0, 0}))
        .hasMessage("3 cells, expected the baseline's 2");
  }

  /** The table's 95 % quantiles of χ². */
  @Test
  void quantile95_besideTheTable_isWithinThreePercent() {
    double[] table = {3.841, 5.991, 7.815, 9.488, 11.070, 12.592, 14.067, 15.507, 16.919, 18.307};
    for (int df = 1; df <= table.length; df++) {
      double quantile = Drift.quantile95(1_000, 1_000_000_000, df + 1) * 1_000;
      assertThat(quantile).isCloseTo(table[df - 1], within(0.03 * table[df - 1]));
    }
  }

  /**
   * On the very shares that the shipped models were trained on, with the baseline drawn too: what
   * the paper says holds, and the threshold raises nothing.
   */
  @Test
  void of_windowsWithoutDrift_indexIsDistributedAsThePaperSays() {
    int windows = 400;
    List<Double> off = new ArrayList<>();
    int raised = 0;
    int judged = 0;
    for (Map.Entry<String, long[]> column : shipped().entrySet()) {
      long[] shares = column.getValue();
      long trained = Arrays.stream(shares).sum() / 8; // so that the baseline's own chance counts
      double[] psi = new double[windows];
      for (int i = 0; i < windows; i++) {
        long[] baseline = drawn(shares, trained);
        long[] window = drawn(shares, 600);
        psi[i] = Drift.psi(baseline, window);
        raised += Drift.of(baseline, window).verdict() == Verdict.DRIFTED ? 1 : 0;
        judged++;
      }
      Arrays.sort(psi);
      double measured = psi[windows * 95 / 100];
      off.add(measured / Drift.quantile95(600, trained, shares.length));
    }
    assertThat(raised).as("of %d windows", judged).isZero();
    assertThat(off).allSatisfy(ratio -> assertThat(ratio).isBetween(0.75, 1.3));
    assertThat(off.stream().mapToDouble(Double::doubleValue).average().orElseThrow())
        .isBetween(0.93, 1.07);
  }

  /** With a small baseline 0.1 alone would cry wolf: the quantile takes over. */
  @Test
  void of_smallBaseline_thresholdRisesAboveTheUsualOne() {
    long[] shares = new long[10];
    Arrays.fill(shares, 1);
    int usual = 0;
    int raised = 0;
    for (int i = 0; i < 2_000; i++) {
      Drift drift = Drift.of(drawn(shares, 150), drawn(shares, 500));
      usual += drift.psi() > 0.1 ? 1 : 0;
      raised += drift.verdict() == Verdict.DRIFTED ? 1 : 0;
      assertThat(drift.threshold()).isBetween(0.14, 0.15);
    }
    assertThat(usual).as("by the usual threshold").isGreaterThan(2_000 / 10);
    assertThat(raised).as("by ours").isBetween(2_000 / 40, 2_000 * 3 / 40);
  }

  /** Counts of replicas are added; a mean of their indices would be another figure. */
  @Test
  void of_sumOfTwoReplicas_isThatOfTheirRowsTogetherAndNotTheirMean() {
    long[] baseline = {1_000, 1_000, 1_000, 1_000};
    long[] rows = drawn(new long[] {1, 1, 1, 1}, 4_000);
    long[] one = new long[4];
    long[] other = new long[4];
    for (int cell = 0; cell < 4; cell++) { // each replica gets other customers
      one[cell] = cell < 2 ? rows[cell] : 0;
      other[cell] = rows[cell] - one[cell];
    }
    long[] sum = new long[4];
    Arrays.setAll(sum, i -> one[i] + other[i]);
    assertThat(sum).isEqualTo(rows);
    Drift together = Drift.of(baseline, sum);
    assertThat(together.verdict()).isEqualTo(Verdict.STABLE);
    assertThat(together.psi()).isEqualTo(Drift.of(baseline, rows).psi());
    double mean = (Drift.of(baseline, one).psi() + Drift.of(baseline, other).psi()) / 2;
    assertThat(mean).as("what a mean of scores would have raised").isGreaterThan(1);
  }
}
