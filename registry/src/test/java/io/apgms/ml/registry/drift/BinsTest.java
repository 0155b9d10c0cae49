package io.apgms.ml.registry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.Manifest.Histogram;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class BinsTest {
  private static final Histogram THREE =
      new Histogram(List.of(-1.0, 2.5), List.of(10L, 20L, 30L), 7);

  @Test
  void cell_ofAValue_isTheBinThatHoldsIt() {
    Bins bins = Bins.of(THREE, false);
    assertThat(bins.cells()).isEqualTo(3);
    assertThat(bins.baseline()).containsExactly(10, 20, 30);
    assertThat(bins.cell(Double.NEGATIVE_INFINITY)).isZero();
    assertThat(bins.cell(-1)).as("an edge is part of the bin below").isZero();
    assertThat(bins.cell(-0.999)).isEqualTo(1);
    assertThat(bins.cell(2.5)).isEqualTo(1);
    assertThat(bins.cell(2.6)).isEqualTo(2);
  }

  @Test
  void of_nullableColumn_hasACellOfItsOwnForMissingValues() {
    Bins bins = Bins.of(THREE, true);
    assertThat(bins.baseline()).containsExactly(10, 20, 30, 7);
    assertThat(bins.cell(Double.NaN)).isEqualTo(3);
    assertThat(bins.cell(1e9)).isEqualTo(2);
  }

  @Test
  void of_noUsableHistogram_countsRowsAndHasNoBaseline() {
    List<Double> edges =
        DoubleStream.iterate(0, e -> e + 1)
            .limit(Bins.MAX_BINS)
            .boxed()
            .collect(Collectors.toCollection(ArrayList::new));
    List<Long> counts = LongStream.rangeClosed(0, Bins.MAX_BINS).boxed().toList();
    for (Histogram none : new Histogram[] {null, new Histogram(edges, counts, 0)}) {
      assertThat(Bins.of(none, false).baseline()).containsExactly(0);
      assertThat(Bins.of(none, true).baseline()).containsExactly(0, 0);
      assertThat(Bins.of(none, false).cell(5)).isZero();
    }
  }
}
