package io.apgms.ml.scoring;

import static io.apgms.ml.scoring.TestModels.CREDIT;
import static io.apgms.ml.scoring.TestModels.NEW;
import static io.apgms.ml.scoring.TestModels.OLD;
import static io.apgms.ml.scoring.TestModels.RISK;
import static io.apgms.ml.scoring.TestModels.renamed;
import static io.apgms.ml.scoring.TestModels.shipped;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.VerifiedArtifact;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class SwapTest {
  private static final String NEXT = "20261130";
  private static final int SWAPS_UNDER_LOAD = 30;
  private static final int MOST_SWAPS = 2_000;
  private static final Set<String> BOTH = Set.of(OLD, NEW);

  private final ScoringRuntime runtime = TestModels.runtime();

  private ServedModel prepare(String model, String version) {
    return runtime.prepare(shipped(model, version));
  }

  /** Whether its memory was given back. */
  private static boolean freed(LoadedModel loaded) {
    if (loaded.acquire()) {
      loaded.release();
      return false;
    }
    return true;
  }

  /** A version's holder; the use counted on the way is given back. */
  private LoadedModel holder(String model, String version) {
    LoadedModel loaded = runtime.acquire(model, version);
    loaded.release();
    return loaded;
  }

  @Test
  void prepare_loaded_isNotActiveUntilActivated() {
    ServedModel served = prepare(RISK, OLD);
    assertThat(runtime.active(RISK)).isNull();
    assertThat(runtime.active()).isEmpty();
    assertThat(runtime.acquire(RISK, null)).isNull();
    assertThat(runtime.loaded(RISK, OLD)).isSameAs(served);
    runtime.activate(RISK, OLD);
    assertThat(runtime.active(RISK)).isSameAs(served);
    assertThat(runtime.active()).containsExactly(served);
  }

  @Test
  void activate_notLoaded_isRefusedAndTheActiveOneStays() {
    ServedModel served = prepare(RISK, OLD);
    runtime.activate(RISK, OLD);
    assertThatThrownBy(() -> runtime.activate(RISK, NEW))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("risk-score 20261123 is not loaded");
    assertThatThrownBy(() -> runtime.activate(CREDIT, OLD))
        .isInstanceOf(IllegalStateException.class);
    assertThat(runtime.active(RISK)).isSameAs(served);
  }

  @Test
  void swap_whileInFlight_finishesOnTheOldVersion() throws Exception {
    ServedModel served = prepare(RISK, OLD);
    runtime.activate(RISK, OLD);
    float[] rows = TestModels.rows(served.features(), 64, 1);
    double[] expected = TestModels.scores(holder(RISK, OLD), rows);
    CountDownLatch inFlight = new CountDownLatch(1);
    CountDownLatch swapped = new CountDownLatch(1);
    CompletableFuture<double[]> batch =
        CompletableFuture.supplyAsync(
            () -> {
              LoadedModel mine = runtime.acquire(RISK, null);
              inFlight.countDown();
              await(swapped);
              double[] scores = TestModels.scores(mine, rows);
              mine.release();
              return scores;
            });
    await(inFlight);
    LoadedModel old = holder(RISK, OLD);
    prepare(RISK, NEW);
    runtime.activate(RISK, NEW);
    runtime.retain(RISK, Set.of(NEW));
    assertThat(runtime.loaded(RISK, OLD)).as("no new request gets it").isNull();
    assertThat(runtime.active(RISK).version()).isEqualTo(NEW);
    assertThat(freed(old)).as("freed under the batch").isFalse();
    swapped.countDown();
    assertThat(get(batch)).isEqualTo(expected);
    assertThat(freed(old)).as("freed by the last use").isTrue();
  }

  @Test
  void swap_underLoad_everyBatchIsScoredByOneVersion() throws Exception {
    VerifiedArtifact[] artifacts = {shipped(RISK, OLD), shipped(RISK, NEW)};
    float[] rows = TestModels.rows(artifacts[0].manifest().features(), 16, 2);
    runtime.prepare(artifacts[0]);
    runtime.prepare(artifacts[1]);
    Map<String, double[]> expected =
        Map.of(
            OLD, TestModels.scores(holder(RISK, OLD), rows),
            NEW, TestModels.scores(holder(RISK, NEW), rows));
    assertThat(expected.get(OLD)).isNotEqualTo(expected.get(NEW));
    runtime.activate(RISK, OLD);
    AtomicBoolean over = new AtomicBoolean();
    List<CompletableFuture<Void>> loads = new ArrayList<>();
    List<Set<String>> seen = List.of(ConcurrentHashMap.newKeySet(), ConcurrentHashMap.newKeySet());
    for (Set<String> mine : seen) { // a thread each: the common pool may have but one
      loads.add(
          CompletableFuture.runAsync(
              () -> scoreUntil(over, rows, expected, mine), task -> new Thread(task).start()));
    }
    List<LoadedModel> retired = new ArrayList<>();
    int swaps = 0;
    while (swaps < SWAPS_UNDER_LOAD
        || (swaps < MOST_SWAPS && !seen.stream().allMatch(BOTH::equals))) {
      swaps++;
      retired.add(holder(RISK, null));
      ServedModel next = runtime.prepare(artifacts[swaps % 2]);
      runtime.activate(RISK, next.version());
      runtime.retain(RISK, Set.of());
    }
    over.set(true);
    for (CompletableFuture<Void> load : loads) {
      get(load);
    }
    assertThat(seen).allMatch(BOTH::equals);
    assertThat(retired).allMatch(SwapTest::freed);
  }

  private void scoreUntil(
      AtomicBoolean over, float[] rows, Map<String, double[]> expected, Set<String> seen) {
    while (!over.get()) {
      LoadedModel loaded = runtime.acquire(RISK, null);
      assertThat(loaded).as("a model is active all the time").isNotNull();
      try {
        String version = loaded.served().version();
        seen.add(version);
        assertThat(TestModels.scores(loaded, rows)).as(version).isEqualTo(expected.get(version));
      } finally {
        loaded.release();
      }
    }
  }

  @Test
  void retain_previousVersion_staysWarmForTheWayBack() {
    ServedModel old = prepare(RISK, OLD);
    runtime.activate(RISK, OLD);
    ServedModel served = prepare(RISK, NEW);
    runtime.activate(RISK, NEW);
    runtime.retain(RISK, Set.of(OLD));
    LoadedModel warm = holder(RISK, OLD);
    float[] rows = TestModels.rows(old.features(), 4, 3);
    double[] before = TestModels.scores(warm, rows);
    assertThat(runtime.active(RISK)).as("the active one needs no naming").isSameAs(served);
    runtime.activate(RISK, OLD);
    assertThat(runtime.active(RISK)).as("swapped, not loaded again").isSameAs(old);
    assertThat(holder(RISK, null)).isSameAs(warm);
    assertThat(TestModels.scores(warm, rows)).isEqualTo(before);
  }

  @Test
  void retain_olderVersion_isFreedAfterItsLastUse() {
    prepare(RISK, OLD);
    prepare(RISK, NEW);
    runtime.prepare(renamed(shipped(RISK, NEW), NEXT));
    runtime.activate(RISK, NEXT);
    LoadedModel inUse = runtime.acquire(RISK, OLD);
    LoadedModel previous = holder(RISK, NEW);
    runtime.retain(RISK, Set.of(NEW));
    assertThat(runtime.acquire(RISK, OLD)).isNull();
    assertThat(freed(inUse)).isFalse();
    inUse.release();
    assertThat(freed(inUse)).isTrue();
    assertThat(freed(previous)).isFalse();
    runtime.retain(RISK, Set.of());
    assertThat(freed(previous)).as("nothing was using it").isTrue();
    assertThat(runtime.active(RISK).version()).isEqualTo(NEXT);
    assertThat(freed(holder(RISK, null))).isFalse();
  }

  @Test
  void retain_unknownModel_doesNothing() {
    runtime.retain(RISK, Set.of(OLD));
    assertThat(runtime.active(RISK)).isNull();
  }

  @Test
  void retain_oneModel_leavesTheOthersAlone() {
    prepare(RISK, OLD);
    ServedModel credit = prepare(CREDIT, OLD);
    runtime.retain(RISK, Set.of());
    assertThat(runtime.loaded(RISK, OLD)).isNull();
    assertThat(runtime.loaded(CREDIT, OLD)).isSameAs(credit);
  }

  @Test
  void prepare_activeVersionAgain_replacesItAndFreesTheFormer() {
    prepare(RISK, OLD);
    runtime.activate(RISK, OLD);
    LoadedModel former = holder(RISK, null);
    ServedModel again = prepare(RISK, OLD);
    assertThat(runtime.active(RISK)).isSameAs(again);
    assertThat(runtime.loaded(RISK, OLD)).isSameAs(again);
    assertThat(freed(former)).isTrue();
    assertThat(freed(holder(RISK, null))).isFalse();
  }

  @Test
  void prepare_warmVersionAgain_leavesTheActiveOneAlone() {
    prepare(RISK, OLD);
    ServedModel active = prepare(RISK, NEW);
    runtime.activate(RISK, NEW);
    LoadedModel former = holder(RISK, OLD);
    prepare(RISK, OLD);
    assertThat(runtime.active(RISK)).isSameAs(active);
    assertThat(freed(former)).isTrue();
  }

  @Test
  void acquire_unknown_isNull() {
    assertThat(runtime.acquire(RISK, null)).isNull();
    assertThat(runtime.acquire(RISK, OLD)).isNull();
    prepare(RISK, OLD);
    assertThat(runtime.acquire(RISK, NEW)).isNull();
    assertThat(runtime.loaded(RISK, NEW)).isNull();
    assertThat(runtime.loaded(CREDIT, OLD)).isNull();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static <T> T get(CompletableFuture<T> future)
      throws InterruptedException, ExecutionException, TimeoutException {
    return future.get(20, TimeUnit.SECONDS);
  }
}
