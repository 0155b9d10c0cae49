package io.apgms.ml.gateway.decision;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.scoring.ServedModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * What a decision costs its loop for drift: rows about the shipped baselines, one after another.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class TallyBench {
  private static final int ROWS = 1_024;

  /** With 12 and with 19 features. */
  @Param({"risk-score", "credit-default"})
  public String model = "";

  private final InputTally tally = new InputTally();
  private float[][] rows = new float[0][];
  private int next;
  private @Nullable ServedModel served;

  /** Each value near an edge of its baseline, or beyond it. */
  @Setup
  public void rows() {
    Path home = Path.of(System.getProperty("ml.home", "."));
    Manifest m =
        ArtifactStore.withoutSignatures(home.resolve("artifacts/models"))
            .load(model, "20261123")
            .manifest();
    served =
        new ServedModel(
            model,
            m.version(),
            "sha256:00",
            m.features(),
            0.5,
            m.slo(),
            List.of(),
            m.scoreBaseline());
    Random random = new Random(5);
    rows = new float[ROWS][m.features().size()];
    for (float[] row : rows) {
      for (int f = 0; f < row.length; f++) {
        List<Double> edges = Objects.requireNonNull(m.features().get(f).baseline()).edges();
        double edge = edges.get(random.nextInt(edges.size()));
        row[f] = (float) (edge + random.nextGaussian() * Math.abs(edge) / 10);
      }
    }
  }

  /** One decision. */
  @Benchmark
  public void count() {
    tally.add(Objects.requireNonNull(served), rows[next++ & (ROWS - 1)], 0.3, false);
  }
}
