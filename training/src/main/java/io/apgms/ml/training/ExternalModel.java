package io.apgms.ml.training;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.scoring.TorchModel;
import io.apgms.ml.training.TrainingRun.SnapshotReference;
import io.apgms.ml.training.data.Dataset;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.report.BiasReport;
import io.apgms.ml.training.report.Evaluation;
import io.apgms.ml.training.report.Histograms;
import io.apgms.ml.training.report.Json;
import io.apgms.ml.training.report.ModelCard;
import io.apgms.ml.training.report.Notebook;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * A TorchScript module that was trained elsewhere, measured on rows that its maker says it has not
 * seen, and written down as a run. How it was fitted is not known here, and nothing claims to.
 */
final class ExternalModel {
  /** Rows that are scored alone, too, to see that neighbours do not matter. */
  private static final int ALONE = 64;

  private final ModelSchema schema;
  private final byte[] module;
  private final Dataset data;

  ExternalModel(ModelSchema schema, byte[] module, Dataset data) {
    this.schema = schema;
    this.module = module;
    this.data = data;
  }

  /** Writes the run and its reports. */
  TrainingRun write(TrainOptions options, byte[] yaml, SnapshotReference rows) {
    double[] scores = scores();
    TrainingRun run =
        new TrainingRun(
            schema.model(),
            Training.EXTERNAL,
            options.origin().gitCommit(),
            options.origin().containerDigest(),
            0,
            ArtifactStore.sha256(yaml),
            rows,
            0,
            schema.threshold().resolve(),
            List.of(),
            List.of(),
            0,
            0,
            ArtifactStore.sha256(module),
            Training.featureBaselines(data),
            Histograms.of(scores));
    Evaluation.Measures measured =
        Evaluation.Measures.of(scores, data.y(), run.threshold(), data.truth());
    Evaluation evaluation =
        new Evaluation(
            run.model(),
            run.modelSha256(),
            data.sha256(),
            run.threshold(),
            new Evaluation.CrossValidation(List.of(), measured),
            measured);
    BiasReport bias =
        BiasReport.of(schema, data, scores, run.threshold(), run.modelSha256())
            .withBasis(BiasReport.HELD_OUT);
    RunFolder out = new RunFolder(options.out());
    out.write(RunFolder.MODEL, module);
    out.write(RunFolder.SCHEMA, yaml);
    out.write(RunFolder.RUN, Json.write(run));
    out.write(RunFolder.EVALUATION, Json.write(evaluation));
    out.write(RunFolder.BIAS, Json.write(bias));
    out.write(
        RunFolder.CARD,
        ModelCard.markdown(schema, evaluation, bias).getBytes(StandardCharsets.UTF_8));
    out.write(RunFolder.NOTEBOOK, Notebook.of(evaluation, bias));
    return run;
  }

  private double[] scores() {
    try (TorchModel loaded = TorchModel.load(module, data.width())) {
      float[] scores = ScoredRows.by(loaded, data.x(), data.width());
      for (int i = 0; i < scores.length; i++) {
        if (!(scores[i] >= 0 && scores[i] <= 1)) {
          throw new TrainingException.Export(
              "row " + i + ": the module gives " + scores[i] + ", expected a probability");
        }
      }
      requireSteady(loaded, scores);
      return ScoredRows.toDoubles(scores);
    } catch (TrainingException e) {
      throw e;
    } catch (RuntimeException e) { // whatever libtorch or the module itself says
      throw new TrainingException.Export(
          "the module cannot score rows of "
              + data.width()
              + " float32 columns: "
              + String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason given"));
    }
  }

  /** A module left in training mode drops units, or scores a row by its neighbours. */
  private void requireSteady(TorchModel loaded, float[] scores) {
    for (int i = 0; i < Math.min(ALONE, scores.length); i++) {
      float[] row = Arrays.copyOfRange(data.x(), i * data.width(), (i + 1) * data.width());
      float alone = loaded.score(row, 1)[0];
      if (!(Math.abs(alone - scores[i]) <= ScoredRows.TOLERANCE)) {
        throw new TrainingException.Export(
            "row "
                + i
                + " alone scores "
                + alone
                + ", among others "
                + scores[i]
                + ", expected the same within 1e-6: was the module saved after eval()?");
      }
    }
  }
}
