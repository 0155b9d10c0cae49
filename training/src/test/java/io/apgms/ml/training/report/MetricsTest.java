package io.apgms.ml.training.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.training.report.Metrics.Confusion;
import io.apgms.ml.training.report.Metrics.Rate;
import org.junit.jupiter.api.Test;

class MetricsTest {
  @Test
  void auc_withTie_countsItHalf() {
    // pairs (positive, negative): .8>.2, .8>.5, .5>.2, .5=.5 -> 3.5 of 4
    double auc = Metrics.auc(new double[] {0.2, 0.5, 0.5, 0.8}, new int[] {0, 0, 1, 1});

    assertThat(auc).isEqualTo(0.875);
  }

  @Test
  void auc_ofReversedScores_isZero() {
    assertThat(Metrics.auc(new double[] {0.9, 0.1}, new int[] {0, 1})).isZero();
  }

  @Test
  void logLoss_ofTwoRows_isTheMeanOfTheirLogs() {
    double loss = Metrics.logLoss(new double[] {0.5, 0.25}, new int[] {1, 0});

    assertThat(loss).isCloseTo((Math.log(2) - Math.log(0.75)) / 2, within(1e-12));
  }

  @Test
  void logLoss_ofCertainMistake_staysFinite() {
    assertThat(Metrics.logLoss(new double[] {0}, new int[] {1})).isCloseTo(27.631, within(1e-3));
  }

  @Test
  void brier_ofTwoRows_isTheMeanSquare() {
    double brier = Metrics.brier(new double[] {0.5, 0.2}, new int[] {1, 0});

    assertThat(brier).isCloseTo((0.25 + 0.04) / 2, within(1e-12));
  }

  @Test
  void wilson_ofOneInTen_isAsInTables() {
    Rate rate = Rate.of(1, 10);

    assertThat(rate.low()).isCloseTo(0.017876, within(1e-5));
    assertThat(rate.high()).isCloseTo(0.404150, within(1e-5));
  }

  @Test
  void wilson_ofNothing_isEverything() {
    assertThat(Rate.of(0, 0)).isEqualTo(new Rate(0, 0, 1));
  }

  @Test
  void confusion_atThreshold_countsEqualAsSelected() {
    Confusion c = Confusion.of(new double[] {0.5, 0.5, 0.4, 0.4}, new int[] {1, 0, 1, 0}, 0.5);

    assertThat(c).isEqualTo(new Confusion(1, 1, 1, 1));
    assertThat(c.precision()).isEqualTo(0.5);
    assertThat(c.recall()).isEqualTo(0.5);
  }

  @Test
  void histogram_ofHundred_hasTenEqualBins() {
    double[] values = new double[101];
    for (int i = 0; i < 100; i++) {
      values[i] = i + 1;
    }
    values[100] = Double.NaN;

    Histogram histogram = Histograms.of(values);

    assertThat(histogram.edges()).hasSize(9).startsWith(11.0, 21.0);
    assertThat(histogram.counts()).startsWith(11L).endsWith(9L).hasSize(10);
    assertThat(histogram.missing()).isEqualTo(1);
  }

  @Test
  void histogram_ofConstant_hasOneBin() {
    Histogram histogram = Histograms.of(new double[] {3, 3, 3});

    assertThat(histogram.edges()).isEmpty();
    assertThat(histogram.counts()).containsExactly(3L);
  }

  @Test
  void calibration_bins_holdMeanAndRate() {
    var bins = Metrics.calibration(new double[] {0.32, 0.36, 1.0}, new int[] {0, 1, 1});

    assertThat(bins.get(3)).isEqualTo(new Metrics.CalibrationBin(0.3, 0.4, 2, 0.34, 0.5));
    assertThat(bins.get(9).n()).isEqualTo(1);
  }
}
