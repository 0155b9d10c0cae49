package io.apgms.ml.gateway.admin;

import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An edge swaps to a version when the processes that score the model have it, so that not the first
 * alone takes all of its rows; until then it serves what it served. Confined to the control loop;
 * the clock is passed in.
 */
final class ScoredLater {
  /** After it, one line in the log, as members may load for minutes; or a failure. */
  static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(15);

  /** How long the first that has a version waits for the others. */
  static final long OTHERS_NANOS = TimeUnit.SECONDS.toNanos(3);

  private static final Logger LOG = LoggerFactory.getLogger(ScoredLater.class);

  private static final class Awaited {
    private final String digest;
    private final long sinceNanos;
    private @Nullable Long firstNanos; // when a member had it
    private boolean told;

    private Awaited(String digest, long sinceNanos) {
      this.digest = digest;
      this.sinceNanos = sinceNanos;
    }
  }

  private final ScoringRuntime runtime;
  private final Map<String, Awaited> awaited = new HashMap<>(); // by model

  ScoredLater(ScoringRuntime runtime) {
    this.runtime = runtime;
  }

  /**
   * Whether a version is to be waited for.
   *
   * @param active what is served meanwhile
   * @throws IllegalStateException where nobody scores it and nothing is served meanwhile
   */
  boolean isStill(ServedModel version, @Nullable ServedModel active, long now) {
    Awaited wait = awaited(version, now);
    boolean served = active != null && runtime.isScored(active);
    if (runtime.isScored(version)) {
      if (wait.firstNanos == null) {
        wait.firstNanos = now;
      }
      boolean othersMayCome = served && now - wait.firstNanos < OTHERS_NANOS;
      return othersMayCome && !runtime.isScoredEverywhere(version);
    }
    wait.firstNanos = null;
    boolean tooLong = now - wait.sinceNanos >= PATIENCE_NANOS;
    if (active == null || (!served && tooLong)) {
      throw new IllegalStateException("no scoring process in reach has it loaded");
    }
    if (tooLong && !wait.told) {
      wait.told = true;
      LOG.warn(
          "{} {} is loaded by no scoring process yet; {} is served on",
          version.modelId(),
          version.version(),
          active.version());
    }
    return true;
  }

  private Awaited awaited(ServedModel version, long now) {
    Awaited wait = awaited.get(version.modelId());
    if (wait == null || !wait.digest.equals(version.digest())) {
      wait = new Awaited(version.digest(), now);
      awaited.put(version.modelId(), wait);
    }
    return wait;
  }

  /** A model serves what it should: what was waited for before is of no account. */
  void over(String modelId) {
    awaited.remove(modelId);
  }
}
