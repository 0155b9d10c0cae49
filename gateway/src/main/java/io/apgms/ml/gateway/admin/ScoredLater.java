package io.apgms.ml.gateway.admin;

import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An edge swaps to a version when a process that scores it is there, not before; until then it
 * serves what it served. Confined to the control loop.
 */
final class ScoredLater {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(15);

  private record Awaited(String digest, long sinceNanos) {}

  private final ScoringRuntime runtime;
  private final Map<String, Awaited> awaited = new HashMap<>();

  ScoredLater(ScoringRuntime runtime) {
    this.runtime = runtime;
  }

  /**
   * Whether a version is to be waited for.
   *
   * @param active what is served meanwhile
   * @throws IllegalStateException where nothing is served meanwhile, or the wait has been long
   */
  boolean isStill(ServedModel version, @Nullable ServedModel active) {
    String model = version.modelId();
    if (runtime.isScored(version)) {
      awaited.remove(model);
      return false;
    }
    long now = System.nanoTime();
    Awaited since = awaited.get(model);
    if (since == null || !since.digest().equals(version.digest())) {
      since = new Awaited(version.digest(), now);
      awaited.put(model, since);
    }
    if (active == null || now - since.sinceNanos() >= PATIENCE_NANOS) {
      throw new IllegalStateException("no scoring process in reach has it loaded");
    }
    return true;
  }
}
