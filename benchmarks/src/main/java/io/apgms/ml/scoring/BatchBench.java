package io.apgms.ml.scoring;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.Blackhole;

/** A tick's chunk through the queue, and the forward pass of a batch. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class BatchBench {
  private static final int FEATURES = 12;

  /** Rows of a chunk. */
  @Param({"1", "16", "64"})
  public int rows;

  private final float[] scores = new float[64];
  private float[] batch = new float[0];
  private ScoreRequest[] requests = new ScoreRequest[0];
  private TorchModel model = load();

  private static TorchModel load() {
    Path file =
        Path.of(System.getProperty("ml.home"), "artifacts/models/risk-score/20261123/model.pt");
    try {
      return TorchModel.load(Files.readAllBytes(file), FEATURES);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Rows that wait. */
  @Setup
  public void chunk() {
    batch = new float[rows * FEATURES];
    Arrays.fill(batch, 0.5f);
    requests = new ScoreRequest[rows];
    Arrays.fill(
        requests, new ScoreRequest("risk-score", null, new float[FEATURES], Long.MAX_VALUE));
  }

  /** The module out of native memory. */
  @TearDown
  public void close() {
    model.close();
  }

  /** Offer, take, group by model, answer: everything but the model. */
  @Benchmark
  public void batch(Blackhole hole) {
    ScoreResult scored = new ScoreResult(ScoreResult.Outcome.SCORED, 0.5, null);
    Batcher batcher =
        new Batcher(1_024, 64, (m, v, all) -> all.forEach(r -> r.set(scored)), hole::consume);
    batcher.offer(new ScoreChunk(1, "here", requests));
    batcher.drain(0);
  }

  /** The model alone. */
  @Benchmark
  public float[] forward() {
    model.score(batch, rows, scores);
    return scores;
  }
}
