package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.cli.RollbackReport.Item;
import io.apgms.ml.gateway.cli.RollbackReport.Outcome;
import io.apgms.ml.gateway.gates.CanaryFile;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.training.data.CanaryRows;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whether a running service scores as the verified artifact does: its golden rows, and the first
 * rows of its canary beside the same rows scored here.
 */
final class LiveScores {
  /** Last digits differ with the rows of a batch and the processor. */
  private static final double SAME = 2e-6;

  private static final int CANARY_ROWS = 512;
  private static final int ALONE = 100; // rows scored one a request, for the latency

  private final LiveModel live;
  private final VerifiedArtifact artifact;
  private final Manifest manifest;
  private final Policy policy;

  LiveScores(LiveModel live, VerifiedArtifact artifact, Policy policy) {
    this.live = live;
    this.artifact = artifact;
    this.manifest = artifact.manifest();
    this.policy = policy;
  }

  List<Item> check() throws IOException, InterruptedException {
    List<Item> items = new ArrayList<>();
    items.add(golden());
    List<CanaryRows.Row> rows = CanaryFile.read(MlService.home(), policy, artifact);
    if (rows == null) {
      items.add(new Item("canary", Outcome.skipped, "no canary is shipped with it, or is here"));
    } else {
      items.add(canary(rows.subList(0, Math.min(CANARY_ROWS, rows.size()))));
    }
    items.add(latency());
    return items;
  }

  private Item golden() throws InterruptedException {
    List<float[]> rows =
        artifact.golden().stream().map(g -> g.toTensor(manifest.features())).toList();
    try {
      double[] scores = live.score(manifest.version(), rows);
      for (int i = 0; i < scores.length; i++) {
        double expected = artifact.golden().get(i).score();
        if (!(Math.abs(scores[i] - expected) <= SAME)) {
          return new Item(
              "golden",
              Outcome.fail,
              text("row %d scores %.6f, expected %.6f", i + 1, scores[i], expected));
        }
      }
      return new Item("golden", Outcome.pass, scores.length + " golden rows equal");
    } catch (Failure e) {
      return new Item("golden", Outcome.fail, String.valueOf(e.getMessage()));
    }
  }

  private Item canary(List<CanaryRows.Row> canary) throws InterruptedException {
    int right = 0;
    try (OfflineScorer here = OfflineScorer.open(artifact)) {
      for (int from = 0; from < canary.size(); from += OfflineScorer.CHUNK) {
        List<CanaryRows.Row> chunk =
            canary.subList(from, Math.min(from + OfflineScorer.CHUNK, canary.size()));
        List<float[]> rows = chunk.stream().map(row -> tensor(row.inputs())).toList();
        double[] scores = live.score(manifest.version(), rows);
        ScoreResult[] expected = here.score(rows);
        for (int i = 0; i < scores.length; i++) {
          if (!(Math.abs(scores[i] - expected[i].score()) <= SAME)) {
            return new Item(
                "canary",
                Outcome.fail,
                text(
                    "row %d scores %.6f, the artifact %.6f",
                    from + i + 1, scores[i], expected[i].score()));
          }
          right += (scores[i] >= manifest.threshold()) == chunk.get(i).positive() ? 1 : 0;
        }
      }
    } catch (Failure e) {
      return new Item("canary", Outcome.fail, String.valueOf(e.getMessage()));
    }
    return new Item(
        "canary",
        Outcome.pass,
        text("%d rows score as the artifact does, right on %d", canary.size(), right));
  }

  private float[] tensor(Map<String, @Nullable Double> inputs) {
    return new GoldenRow(inputs, 0).toTensor(manifest.features());
  }

  /** One row a request, as callers send them: the bound of the smoke gate. */
  private Item latency() throws InterruptedException {
    List<float[]> row = List.of(artifact.golden().get(0).toTensor(manifest.features()));
    double[] ms = new double[ALONE];
    try {
      for (int i = 0; i < ms.length; i++) {
        long begun = System.nanoTime();
        live.score(manifest.version(), row);
        ms[i] = (System.nanoTime() - begun) / 1e6;
      }
    } catch (Failure e) {
      return new Item("latency", Outcome.fail, String.valueOf(e.getMessage()));
    }
    Arrays.sort(ms);
    double p95 = ms[ms.length * 95 / 100 - 1];
    String measured = text("p95 %.1f ms of %d requests", p95, ms.length);
    double bound = Math.min(policy.smoke().p95Ms(), (double) manifest.slo().latencyMs());
    return p95 < bound
        ? new Item("latency", Outcome.pass, measured)
        : new Item("latency", Outcome.fail, measured + text(", expected under %.0f ms", bound));
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
