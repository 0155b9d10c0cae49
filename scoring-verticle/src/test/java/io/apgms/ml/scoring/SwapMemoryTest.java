package io.apgms.ml.scoring;

import static io.apgms.ml.scoring.TestModels.NEW;
import static io.apgms.ml.scoring.TestModels.OLD;
import static io.apgms.ml.scoring.TestModels.RISK;
import static io.apgms.ml.scoring.TestModels.shipped;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.VerifiedArtifact;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Resident memory over many swaps. Linux with MALLOC_ARENA_MAX=2, see the module's pom. */
class SwapMemoryTest {
  private static final int WARM_UP_SWAPS = 40;
  private static final int SWAPS = 200;
  private static final int LEAKING_SWAPS = 600;
  private static final double ALLOWED_GROWTH = 1.05;

  private final ScoringRuntime runtime = TestModels.runtime();
  private final VerifiedArtifact[] artifacts = {shipped(RISK, OLD), shipped(RISK, NEW)};
  private final float[] rows = TestModels.rows(artifacts[0].manifest().features(), 64, 1);

  @BeforeEach
  void environment() {
    assertThat(System.getenv("MALLOC_ARENA_MAX")).isEqualTo("2");
    assertThat(System.getenv("OMP_NUM_THREADS")).isEqualTo("1");
  }

  /** Loads, activates, scores a batch and retires what was active; {@code leaked} keeps it used. */
  private void swap(int number, @Nullable List<LoadedModel> leaked) {
    ServedModel next = runtime.prepare(artifacts[number % 2]);
    runtime.activate(RISK, next.version());
    runtime.retain(RISK, Set.of());
    LoadedModel active = runtime.acquire(RISK, null);
    active.torch().score(rows, 64);
    if (leaked == null) {
      active.release();
    } else {
      leaked.add(active);
    }
  }

  /** Resident KiB, with the Java heap's pages all touched before so that they do not count. */
  private static long residentKib() throws IOException {
    byte[][] garbage = new byte[16][];
    for (int i = 0; i < 1_024; i++) {
      garbage[i % garbage.length] = new byte[1 << 20];
    }
    assertThat(garbage[0]).isNotNull();
    System.gc();
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }

  private double growth(int swaps, @Nullable List<LoadedModel> leaked) throws IOException {
    for (int i = 0; i < WARM_UP_SWAPS; i++) {
      swap(i, null);
    }
    residentKib();
    long before = residentKib();
    for (int i = 0; i < swaps; i++) {
      swap(i, leaked);
    }
    return (double) residentKib() / before;
  }

  @Test
  void swap_twoHundredTimes_leavesResidentMemoryAsItWas() throws IOException {
    assertThat(growth(SWAPS, null)).isLessThan(ALLOWED_GROWTH);
  }

  /** The same measure sees models that are never closed. */
  @Test
  void swap_neverClosingTheOld_growsResidentMemory() throws IOException {
    List<LoadedModel> leaked = new ArrayList<>();
    assertThat(growth(LEAKING_SWAPS, leaked)).isGreaterThan(ALLOWED_GROWTH);
    leaked.forEach(LoadedModel::release);
  }
}
