package io.apgms.ml.feedback;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What keeping a decision costs before it is answered. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class LogBench {
  private static final int BATCH = 16;

  private final List<Decision> batch = new ArrayList<>();
  private Spool spool = Spool.open(folder(), 1L << 40);

  private static Path folder() {
    try {
      return Files.createTempDirectory("spool-bench");
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Twelve features each. */
  @Setup
  public void decisions() {
    for (int i = 0; i < BATCH; i++) {
      batch.add(
          new Decision(
              new UUID(System.currentTimeMillis() << 16 | 0x7000, i),
              "risk-score",
              "20261123",
              "sha256:" + "0".repeat(64),
              new float[12],
              null,
              0.5,
              0.65,
              false,
              false,
              false,
              "file",
              100,
              null,
              null,
              null));
    }
  }

  /** One decision as the tuple that is shipped. */
  @Benchmark
  public byte[] encodeTuple() {
    return CopyTuple.encode(batch.get(0));
  }

  /** Sixteen decisions, kept in one write. */
  @Benchmark
  public void spoolSixteen() {
    spool.append(batch);
  }

  /** The files stay in the system's temporary folder. */
  @TearDown
  public void close() {
    spool.close();
  }
}
