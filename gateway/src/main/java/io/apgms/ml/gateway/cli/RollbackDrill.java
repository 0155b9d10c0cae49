package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.admin.VersionLoader;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Deployment;
import io.apgms.ml.registry.DrillResult;
import io.apgms.ml.registry.DrillResult.Outcome;
import io.apgms.ml.registry.DrillResult.Times;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoringException;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.Set;

/**
 * Rehearses rollbacks in this process, which serves nobody: what a replica does between the order
 * and its first right score, by the code that it does it with, and back. Nothing outside of this
 * process is changed.
 */
final class RollbackDrill implements AutoCloseable {
  private static final double TOLERANCE = 2e-6; // as for readiness

  /** Which revision a rollback would restore, asked as it asks. */
  interface Targets {
    /**
     * The revision of a model.
     *
     * @throws RegistryException as the rollback would be refused, or when the database is away
     */
    Deployment of(String model) throws InterruptedException;
  }

  private static final class WrongScore extends RuntimeException {
    private static final long serialVersionUID = 1L;

    WrongScore(String message) {
      super(message);
    }
  }

  private final ScoringRuntime runtime;
  private final VersionLoader versions;
  private final OfflineScorer scorer;

  RollbackDrill(ArtifactStore store, int batchRows) {
    this.runtime = new ScoringRuntime(batchRows, new SimpleMeterRegistry());
    this.versions = new VersionLoader(store, runtime, artifact -> {});
    this.scorer = OfflineScorer.over(runtime);
  }

  /**
   * Serves the active version, goes back and forth from disk, and once more with the version kept
   * in memory.
   *
   * @throws RegistryException.Unavailable when the database is away: then nothing is known
   */
  DrillResult run(Pointer active, Targets targets) throws InterruptedException {
    String model = active.model();
    Deployment target = null;
    try {
      serve(model, active.version(), active.digest());
      target = targets.of(model);
      double disk = rollBack(model, targets);
      serve(model, active.version(), active.digest());
      double warm = rollBack(model, targets);
      serve(model, active.version(), active.digest());
      return new DrillResult(
          model, active.version(), target.version(), Outcome.PASSED, new Times(warm, disk), "");
    } catch (RegistryException.Unavailable e) {
      throw e;
    } catch (RegistryException | ScoringException | WrongScore e) {
      return new DrillResult(
          model,
          active.version(),
          target == null ? null : target.version(),
          outcome(e),
          null,
          String.valueOf(e.getMessage()));
    } finally {
      runtime.retain(model, Set.of()); // so that the next one reads the disk again
    }
  }

  private double rollBack(String model, Targets targets) throws InterruptedException {
    long began = System.nanoTime();
    Deployment target = targets.of(model);
    serve(model, target.version(), target.digest());
    return (System.nanoTime() - began) / 1e9;
  }

  private void serve(String model, String version, String digest) throws InterruptedException {
    ServedModel served = versions.load(model, version, digest);
    runtime.activate(model, version);
    List<GoldenRow> golden = served.golden();
    for (int from = 0; from < golden.size(); from += OfflineScorer.CHUNK) {
      List<GoldenRow> rows =
          golden.subList(from, Math.min(from + OfflineScorer.CHUNK, golden.size()));
      ScoreResult[] scores =
          scorer.score(model, rows.stream().map(r -> r.toTensor(served.features())).toList());
      for (int i = 0; i < scores.length; i++) {
        require(scores[i], rows.get(i).score(), served);
      }
    }
  }

  private static void require(ScoreResult result, double expected, ServedModel served) {
    ServedModel by = result.model();
    boolean right =
        result.outcome() == ScoreResult.Outcome.SCORED
            && by != null
            && by.digest().equals(served.digest())
            && Math.abs(result.score() - expected) <= TOLERANCE;
    if (!right) {
      throw new WrongScore(
          "a golden row of %s is %s %s by %s, expected %s"
              .formatted(
                  served.version(),
                  result.outcome(),
                  result.score(),
                  by == null ? "none" : by.version(),
                  expected));
    }
  }

  private static Outcome outcome(RuntimeException e) {
    if (e instanceof RegistryException.Revoked) {
      return Outcome.REVOKED;
    }
    if (e instanceof RegistryException.Corrupt) {
      return Outcome.ALTERED;
    }
    if (e instanceof RegistryException.NotFound) {
      return Outcome.MISSING;
    }
    if (e instanceof RegistryException.Conflict) {
      return Outcome.NO_TARGET;
    }
    if (e instanceof WrongScore || e instanceof ScoringException.GoldenMismatch) {
      return Outcome.GOLDEN;
    }
    if (e instanceof ScoringException.NotTorchScript) {
      return Outcome.UNLOADABLE;
    }
    throw e; // the trust file or the settings: no word on the rollback
  }

  @Override
  public void close() {
    scorer.close();
  }
}
