package io.apgms.ml.gateway.decision;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.ServedModel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Counts requests as the flow does. */
public final class Answered {
  private Answered() {}

  /** A served version with an SLO of 99 % within so many milliseconds. */
  public static ServedModel model(String id, String version, long latencyMs) {
    var manifest =
        ArtifactStore.withoutSignatures(Path.of("../artifacts/models"))
            .load("risk-score", "20261123")
            .manifest();
    return new ServedModel(
        id, version, "sha256:x", manifest.features(), 0.5, new Slo(0.99, latencyMs), List.of());
  }

  /** Answered requests that took so long, each. */
  public static void count(DecisionMeters meters, ServedModel model, int requests, long tookMs) {
    for (int i = 0; i < requests; i++) {
      meters.of(model).observed(0, 1, TimeUnit.MILLISECONDS.toNanos(tookMs));
    }
  }
}
