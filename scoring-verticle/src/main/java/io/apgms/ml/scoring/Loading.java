package io.apgms.ml.scoring;

import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.List;

/** From verified bytes to a module that is known to score as it was packaged. Blocking. */
final class Loading {
  private static final int WARM_CALLS = 3;

  private Loading() {}

  static ServedModel described(VerifiedArtifact artifact) {
    Manifest m = artifact.manifest();
    return new ServedModel(
        m.model(),
        m.version(),
        artifact.digest(),
        m.features(),
        m.threshold(),
        m.slo(),
        artifact.golden(),
        m.scoreBaseline());
  }

  static TorchModel load(byte[] bytes, int features) {
    try {
      return TorchModel.load(bytes, features);
    } catch (IllegalArgumentException e) {
      throw new ScoringException.NotTorchScript(String.valueOf(e.getMessage()));
    }
  }

  static void checkGolden(TorchModel torch, ServedModel served) {
    List<GoldenRow> golden = served.golden();
    for (int i = 0; i < golden.size(); i++) {
      double expected = golden.get(i).score();
      double actual =
          ScoringRuntime.rounded(score(torch, golden.get(i).toTensor(served.features()), 1)[0]);
      if (!(Math.abs(actual - expected) <= ScoringRuntime.TOLERANCE)) {
        throw new ScoringException.GoldenMismatch(i, actual, expected);
      }
    }
  }

  private static float[] score(TorchModel torch, float[] rows, int rowCount) {
    try {
      return torch.score(rows, rowCount);
    } catch (RuntimeException e) {
      throw new ScoringException.NotTorchScript("forward fails: " + e.getMessage());
    }
  }

  static void warm(TorchModel torch, ServedModel served, int maxBatchRows) {
    float[] row = served.golden().get(0).toTensor(served.features());
    float[] batch = new float[maxBatchRows * row.length];
    for (int i = 0; i < maxBatchRows; i++) {
      System.arraycopy(row, 0, batch, i * row.length, row.length);
    }
    for (int rows = 1; rows <= maxBatchRows; rows++) {
      for (int call = 0; call < WARM_CALLS; call++) {
        score(torch, batch, rows);
      }
    }
  }
}
