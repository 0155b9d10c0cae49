package io.apgms.ml.feedback;

import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What keeping a decision costs before it is written. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class LogBench {
  private final Decision decision =
      new Decision(
          new UUID(0x01a20ac02fdf72caL, 0xbe6c7ba0a2e5555eL),
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
          null);

  /** A decision of twelve features as the tuple that is spooled and shipped. */
  @Benchmark
  public byte[] tuple() {
    return CopyTuple.encode(decision);
  }

  private final byte[] spooled = CopyTuple.encode(decision);

  /** Its hash, as a leaf of its batch: on the shipper's thread. */
  @Benchmark
  public byte[] leaf() {
    return MerkleTree.leafHash(spooled);
  }
}
