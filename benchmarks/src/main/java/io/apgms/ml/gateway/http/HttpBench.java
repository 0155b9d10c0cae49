package io.apgms.ml.gateway.http;

import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.Mode;
import io.apgms.ml.flags.ModeSource;
import io.apgms.ml.gateway.decision.Decided;
import io.apgms.ml.gateway.decision.ScoreCall;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.ServedModel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What the edge does to a request and to its answer. */
@State(Scope.Thread)
@BenchmarkMode(org.openjdk.jmh.annotations.Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class HttpBench {
  /** Features of the model. */
  @Param({"12", "35"})
  public int features;

  private ScoreReader reader = new ScoreReader(id -> null);
  private byte[] body = new byte[0];
  private final Decided decided =
      new Decided(
          new UUID(0x01a20ac02fdf72caL, 0xbe6c7ba0a2e5555eL),
          "risk-score",
          "20261123",
          0.731204,
          0.65,
          true,
          true,
          new Mode(DecisionMode.ACT, ModeSource.UNLEASH, 212));

  /** A request with every feature by name. */
  @Setup
  public void request() {
    List<Feature> schema = new ArrayList<>();
    StringJoiner inputs = new StringJoiner(",", "{", "}");
    for (int i = 0; i < features; i++) {
      schema.add(new Feature("feature_" + i, FeatureType.number, -1e6, 1e6, true, null));
      inputs.add("\"feature_" + i + "\":" + (i * 1234.5678));
    }
    ServedModel model =
        new ServedModel(
            "risk-score", "20261123", "sha256:00", schema, 0.65, new Slo(0.999, 750), List.of());
    reader = new ScoreReader(id -> model);
    body =
        ("{\"modelId\":\"risk-score\",\"inputs\":" + inputs + "}").getBytes(StandardCharsets.UTF_8);
  }

  /** Strict JSON into feature slots. */
  @Benchmark
  public ScoreCall parse() {
    return reader.read(body);
  }

  /** A decision as JSON. */
  @Benchmark
  public byte[] encode() {
    return ScoreHandler.json(decided).getBytes(StandardCharsets.ISO_8859_1);
  }
}
