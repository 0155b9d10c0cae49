package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.registry.drift.Bins;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class InputTallyTest {
  private static final List<Feature> FEATURES =
      List.of(
          new Feature("amount", FeatureType.number, 0, 10, false, histogram(0.1, 0.7, 2.5)),
          new Feature("state", FeatureType.integer, -2, 9, true, histogram(-1, 0)),
          new Feature("bare", FeatureType.number, 0, 10, false, null));

  private static Histogram histogram(double... edges) {
    Long[] counts = new Long[edges.length + 1];
    Arrays.fill(counts, 100L);
    return new Histogram(Arrays.stream(edges).boxed().toList(), List.of(counts), 5);
  }

  private static ServedModel model(String version) {
    return new ServedModel(
        "m",
        version,
        "sha256:" + version,
        FEATURES,
        0.5,
        new Slo(0.99, 100),
        List.of(),
        histogram(0.25, 0.5));
  }

  private static Map<String, InputCount> byFeature(Collection<InputCount> counts) {
    return counts.stream().collect(Collectors.toMap(c -> c.key().feature(), Function.identity()));
  }

  private static float[] row(SplittableRandom random) {
    float[] edges = {0.1f, 0.7f, 2.5f};
    return new float[] {
      random.nextInt(3) == 0 ? edges[random.nextInt(3)] : (float) random.nextDouble(0, 4),
      random.nextInt(4) == 0 ? Float.NaN : random.nextInt(-2, 3),
      1
    };
  }

  /** Against the plain definition, value by value, in double as training counted. */
  @Test
  void drain_ofAnyRows_hasEachValueInItsBin() {
    SplittableRandom random = new SplittableRandom(3);
    InputTally tally = new InputTally();
    long[][] expected = new long[3][];
    for (int f = 0; f < 3; f++) {
      expected[f] =
          new long[Bins.of(FEATURES.get(f).baseline(), FEATURES.get(f).nullable()).cells()];
    }
    long missing = 0;
    long reviews = 0;
    for (int i = 0; i < 10_000; i++) {
      float[] row = row(random);
      double score = random.nextInt(1_000_001) / 1e6;
      tally.add(model("1"), row, score, score >= 0.5);
      reviews += score >= 0.5 ? 1 : 0;
      missing += Float.isNaN(row[1]) ? 1 : 0;
      for (int f = 0; f < 3; f++) {
        Feature feature = FEATURES.get(f);
        double value = Double.parseDouble(Float.toString(row[f])); // as the CSV had it
        expected[f][Bins.of(feature.baseline(), feature.nullable()).cell(value)]++;
      }
    }
    Map<String, InputCount> counts = byFeature(tally.drain());
    assertThat(counts.get("amount").cells()).isEqualTo(expected[0]);
    assertThat(counts.get("state").cells()).isEqualTo(expected[1]);
    assertThat(counts.get("bare").cells()).containsExactly(10_000);
    assertThat(counts.get("state").missing()).isEqualTo(missing);
    assertThat(counts.get("state").baseline()).containsExactly(100, 100, 100, 5);
    assertThat(counts.get(InputCount.SCORE).reviews()).isEqualTo(reviews);
    assertThat(Arrays.stream(counts.get(InputCount.SCORE).cells()).sum()).isEqualTo(10_000);
    assertThat(tally.drain()).as("counted once").isEmpty();
  }

  @Test
  void add_byTwoVersions_keepsThemApart() {
    InputTally tally = new InputTally();
    float[] rows = {0, 0, 1, 9, Float.NaN, 1};
    tally.addAll(model("1"), rows, new double[] {0.1, 0.9});
    tally.add(model("2"), rows, 0.5, true);
    tally.addAll(model("1"), rows, new double[] {0.1, 0.5});
    Map<String, List<InputCount>> byVersion =
        tally.drain().stream().collect(Collectors.groupingBy(c -> c.key().version()));
    Map<String, InputCount> first = byFeature(byVersion.get("1"));
    assertThat(first.get("amount").cells()).containsExactly(2, 0, 0, 2);
    assertThat(first.get("state").cells()).containsExactly(0, 2, 0, 2);
    assertThat(first.get(InputCount.SCORE).reviews()).isEqualTo(2);
    assertThat(byFeature(byVersion.get("2")).get(InputCount.SCORE).cells())
        .containsExactly(0, 1, 0);
  }

  @Test
  void refused_ofAFeature_isCountedBesideTheRows() {
    InputTally tally = new InputTally();
    tally.refused(model("1"), 0, false);
    tally.refused(model("1"), 0, false);
    tally.refused(model("1"), 1, true);
    Map<String, InputCount> counts = byFeature(tally.drain());
    assertThat(counts.get("amount").refusedRange()).isEqualTo(2);
    assertThat(counts.get("state").refusedMissing()).isEqualTo(1);
    assertThat(Arrays.stream(counts.get("amount").cells()).sum()).isZero();
  }

  /** Loops count while they are asked; nothing is lost and nothing is counted twice. */
  @Test
  void drain_ofManyLoopsWhileTheyCount_losesNothing() throws Exception {
    Vertx vertx = Vertx.vertx();
    try {
      InputCounts inputs = new InputCounts();
      int loops = 3;
      int turns = 2_000;
      CountDownLatch done = new CountDownLatch(loops);
      for (int i = 0; i < loops; i++) {
        var context = ((io.vertx.core.internal.VertxInternal) vertx).createEventLoopContext();
        InputTally tally = inputs.onLoop(context);
        context.runOnContext(v -> turn(context, tally, turns, done));
      }
      List<InputCount> all = new ArrayList<>();
      boolean last = false;
      while (!last) {
        last = done.await(0, TimeUnit.SECONDS);
        all.addAll(
            inputs.drain().toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS));
      }
      long rows =
          all.stream()
              .filter(c -> c.key().feature().equals("amount"))
              .mapToLong(c -> Arrays.stream(c.cells()).sum())
              .sum();
      assertThat(rows).isEqualTo((long) loops * turns);
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
    }
  }

  private static void turn(
      io.vertx.core.Context context, InputTally tally, int left, CountDownLatch done) {
    if (left == 0) {
      done.countDown();
      return;
    }
    tally.add(model("1"), new float[] {1, 1, 1}, 0.5, true);
    context.runOnContext(v -> turn(context, tally, left - 1, done));
  }
}
