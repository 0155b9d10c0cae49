package io.apgms.ml.training;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.Validity;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.training.TrainingRun.SnapshotReference;
import io.apgms.ml.training.data.Dataset;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.SchemaReader;
import io.apgms.ml.training.data.Snapshot;
import io.apgms.ml.training.data.SnapshotRecord;
import io.apgms.ml.training.data.SnapshotWriter;
import io.apgms.ml.training.fit.FittedModel;
import io.apgms.ml.training.fit.Rng;
import io.apgms.ml.training.report.BiasReport;
import io.apgms.ml.training.report.Evaluation;
import io.apgms.ml.training.report.Histograms;
import io.apgms.ml.training.report.Json;
import io.apgms.ml.training.report.Metrics;
import io.apgms.ml.training.report.ModelCard;
import io.apgms.ml.training.report.Notebook;
import io.apgms.ml.training.torchscript.TorchArchive;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The retraining steps, files in and files out; blocking, seconds each. The same inputs and seed
 * give the same {@code model.pt} on every machine; reports go through libtorch, so their last
 * digits may follow the CPU.
 */
public final class Training {
  /** Name and version of this trainer; a change of the bytes it makes changes it. */
  public static final String TRAINER = "ml-service-trainer/1";

  /**
   * What stands in its place for a module that was trained elsewhere: nobody can train it again.
   */
  public static final String EXTERNAL = "external";

  private static final double HOLDOUT_SHARE = 0.15;
  private static final int FOLDS = 5;
  private static final long SPLIT_STREAM = -1;
  private static final long FOLD_STREAM = -2;

  private Training() {}

  /**
   * Puts the rows of a retraining together: the standing set and the store's labelled decisions.
   * Writes {@code <sha256>.csv.gz}, named by its plain CSV, and {@code <sha256>.json} beside it.
   *
   * @param store asked only where the options name a window of labels
   * @throws TrainingException naming what was refused
   */
  public static SnapshotRecord snapshot(SnapshotOptions options, SnapshotOptions.Store store) {
    ModelSchema schema = SchemaReader.parse(schemaBytes(options.schema()));
    try (SnapshotWriter writer = new SnapshotWriter(schema, options.out())) {
      writer.standing(options.standing().file(), options.standing().anyData());
      if (options.labels() != null) {
        store.tell(schema, writer);
      }
      SnapshotRecord made = writer.finish(options.labels(), options.trigger());
      new RunFolder(options.out()).write(made.sha256() + ".json", Json.write(made));
      return made;
    }
  }

  /**
   * Fits a model, writes {@code model.pt}, {@code schema.yaml}, {@code training_run.json} and, for
   * a file that {@link #snapshot} made, {@code snapshot.json}; compares the written module with the
   * fitted model on every row.
   *
   * @throws TrainingException naming what was refused
   */
  public static TrainingRun train(TrainOptions options, Progress progress) {
    byte[] yaml = schemaBytes(options.schema());
    ModelSchema schema = SchemaReader.parse(yaml);
    TrainOptions.Data rows = options.data();
    Dataset data = Snapshot.read(schema, rows.file(), rows.window(), rows.anyData());
    Long given = options.seed();
    long seed = given == null ? schema.training().seed() : given;
    Split split = Split.of(data.rows(), seed);
    FittedModel model = FittedModel.fit(schema, data, split.train(), seed, progress);
    byte[] archive =
        TorchArchive.write(
            model, schema.features().stream().map(ModelSchema.Column::name).toList());
    float[] scores = ScoredRows.by(archive, data);
    double error = ScoredRows.largestDistance(model, data, scores);
    TrainingRun run =
        new TrainingRun(
            schema.model(),
            TRAINER,
            options.origin().gitCommit(),
            options.origin().containerDigest(),
            seed,
            ArtifactStore.sha256(yaml),
            reference(schema, rows, data),
            split.train().length,
            schema.threshold().resolve(),
            model.epochs(),
            model.validationLoss().stream().map(Metrics::round).toList(),
            Metrics.round(trainLoss(model, data, split)),
            error,
            ArtifactStore.sha256(archive),
            featureBaselines(data),
            Histograms.of(ScoredRows.toDoubles(scores)));
    RunFolder out = new RunFolder(options.out());
    out.write(RunFolder.MODEL, archive);
    out.write(RunFolder.SCHEMA, yaml);
    out.write(RunFolder.RUN, Json.write(run));
    recordOf(rows.file()).ifPresent(made -> out.write(RunFolder.SNAPSHOT, Json.write(made)));
    return run;
  }

  /**
   * Measures a TorchScript module that was trained elsewhere, on labelled rows that it has not
   * seen, and writes a run of it that can be packaged. The seed of the options is not used.
   *
   * @param module bytes of the file; takes float32 [n, features] in the schema's order, gives
   *     float32 [n] or [n, 1] probabilities
   * @throws TrainingException.Export when it does not, or scores a row by its neighbours
   */
  public static TrainingRun register(byte[] module, TrainOptions options) {
    byte[] yaml = schemaBytes(options.schema());
    ModelSchema schema = SchemaReader.parse(yaml);
    TrainOptions.Data rows = options.data();
    Dataset data = Snapshot.read(schema, rows.file(), rows.window(), rows.anyData());
    return new ExternalModel(schema, module, data)
        .write(options, yaml, reference(schema, rows, data));
  }

  /**
   * Measures a run: five-fold cross-validation of its recipe, and its model on the holdout. Writes
   * {@code evaluation.json}, {@code bias_report.json}, {@code report.md} and {@code
   * evaluation.ipynb}.
   *
   * @param runDir what {@link #train} wrote
   * @param file the same data file; null for a generated source
   */
  public static Evaluation evaluate(Path runDir, @Nullable Path file, Progress progress) {
    RunFolder folder = new RunFolder(runDir);
    TrainingRun run = folder.run();
    ModelSchema schema = folder.schema();
    Dataset data = sameData(run, schema, file);
    Split split = Split.of(data.rows(), run.seed());
    float[] all = ScoredRows.by(folder.read(RunFolder.MODEL), data);
    List<Double> foldAuc = new ArrayList<>();
    double[] outOfFold = crossValidate(schema, data, run.seed(), foldAuc, progress);
    double threshold = run.threshold();
    double[] held = Arrays.stream(split.holdout()).mapToDouble(i -> all[i]).toArray();
    double[] truth = data.truth();
    Evaluation evaluation =
        new Evaluation(
            run.model(),
            run.modelSha256(),
            data.sha256(),
            threshold,
            new Evaluation.CrossValidation(
                foldAuc, Evaluation.Measures.of(outOfFold, data.y(), threshold, truth)),
            Evaluation.Measures.of(
                held,
                pick(data.y(), split.holdout()),
                threshold,
                truth == null ? null : pick(truth, split.holdout())));
    BiasReport bias = BiasReport.of(schema, data, outOfFold, threshold, run.modelSha256());
    folder.write(RunFolder.EVALUATION, Json.write(evaluation));
    folder.write(RunFolder.BIAS, Json.write(bias));
    folder.write(
        RunFolder.CARD,
        ModelCard.markdown(schema, evaluation, bias).getBytes(StandardCharsets.UTF_8));
    folder.write(RunFolder.NOTEBOOK, Notebook.of(evaluation, bias));
    return evaluation;
  }

  /**
   * The bias report of an evaluated run.
   *
   * @throws TrainingException.Run when it is of another model than the run's
   */
  public static BiasReport bias(Path runDir) {
    RunFolder folder = new RunFolder(runDir);
    BiasReport report = Json.read(folder.read(RunFolder.BIAS), BiasReport.class, RunFolder.BIAS);
    String expected = folder.run().modelSha256();
    if (!expected.equals(report.modelSha256())) {
      throw new TrainingException.Run(
          RunFolder.BIAS + " is of model " + report.modelSha256() + ", expected " + expected);
    }
    return report;
  }

  /**
   * Makes an artifact folder {@code <outRoot>/<model>/<version>/} of an evaluated run and loads it
   * back as the service does, but for the signature: it has none yet.
   *
   * @param validity when the artifact may be loaded
   * @throws TrainingException.Run when the version is taken or the run is not evaluated
   */
  public static VerifiedArtifact packageRun(
      Path runDir, String version, Validity validity, Path outRoot) {
    return Packaging.of(new RunFolder(runDir), version, validity).write(outRoot);
  }

  /**
   * Trains again from what an artifact (or run folder) holds.
   *
   * @param file the data file; null for a generated source
   * @param scratch folder for the second run
   * @param anyData whether the first run took data of another hash than the schema's
   */
  public static Reproduction reproduce(
      Path artifact, @Nullable Path file, Path scratch, boolean anyData, Progress progress) {
    RunFolder first = new RunFolder(artifact);
    TrainingRun run = first.run();
    TrainingRun again =
        train(
            new TrainOptions(
                artifact.resolve(RunFolder.SCHEMA),
                new TrainOptions.Data(file, run.snapshot().window(), anyData),
                new TrainOptions.Origin(run.gitCommit(), run.containerDigest()),
                run.seed(),
                scratch),
            progress);
    return new Reproduction(
        run.modelSha256(), again.modelSha256(), run.snapshot().sha256(), again.snapshot().sha256());
  }

  /** SHA-256 of the model and the snapshot, then and now. */
  public record Reproduction(
      String expectedModel, String actualModel, String expectedSnapshot, String actualSnapshot) {
    /** Whether the same data gave the same bytes. */
    public boolean matches() {
      return expectedModel.equals(actualModel) && expectedSnapshot.equals(actualSnapshot);
    }
  }

  /** Which rows are fitted on and which are held out, by the seed. */
  @SuppressWarnings("ArrayRecordComponent") // row numbers, never compared
  private record Split(int[] train, int[] holdout) {
    static Split of(int rows, long seed) {
      int[] order = Rng.of(seed, SPLIT_STREAM).permutation(rows);
      int held = (int) (rows * HOLDOUT_SHARE);
      return new Split(Arrays.copyOfRange(order, held, rows), Arrays.copyOfRange(order, 0, held));
    }
  }

  private static double[] crossValidate(
      ModelSchema schema, Dataset data, long seed, List<Double> foldAuc, Progress progress) {
    int[] order = Rng.of(seed, FOLD_STREAM).permutation(data.rows());
    double[] scores = new double[data.rows()];
    for (int fold = 0; fold < FOLDS; fold++) {
      int from = (int) ((long) data.rows() * fold / FOLDS);
      int to = (int) ((long) data.rows() * (fold + 1) / FOLDS);
      int[] test = Arrays.copyOfRange(order, from, to);
      int[] train = new int[order.length - test.length];
      System.arraycopy(order, 0, train, 0, from);
      System.arraycopy(order, to, train, from, order.length - to);
      FittedModel model = FittedModel.fit(schema, data, train, seed, Progress.silent());
      double[] predicted = model.score(data.x(), test);
      for (int i = 0; i < test.length; i++) {
        scores[test[i]] = predicted[i];
      }
      foldAuc.add(Metrics.round(Metrics.auc(predicted, pick(data.y(), test))));
      progress.report("cross-validate", fold + 1, FOLDS);
    }
    return scores;
  }

  private static Dataset sameData(TrainingRun run, ModelSchema schema, @Nullable Path file) {
    Dataset data = Snapshot.read(schema, file, run.snapshot().window(), true);
    if (!data.sha256().equals(run.snapshot().sha256())) {
      throw new TrainingException.Data(
          "the snapshot has SHA-256 "
              + data.sha256()
              + ", expected "
              + run.snapshot().sha256()
              + " as in training");
    }
    return data;
  }

  private static SnapshotReference reference(
      ModelSchema schema, TrainOptions.Data rows, Dataset data) {
    ModelSchema.Source source = schema.source();
    String named = Snapshot.namedHash(rows.file());
    String from =
        named != null
            ? "snapshot"
            : source.generator() != null && rows.file() == null
                ? "generator " + source.generator() + ", seed " + source.seed()
                : data.sha256().equals(source.sha256()) || !rows.anyData()
                    ? String.valueOf(source.url())
                    : "data of another source";
    return new SnapshotReference(
        from, rows.window(), data.sha256(), data.rows(), Arrays.stream(data.y()).sum());
  }

  /** What stands beside a file that {@link #snapshot} made; empty for any other. */
  private static Optional<SnapshotRecord> recordOf(@Nullable Path file) {
    String named = Snapshot.namedHash(file);
    Path beside = file == null || named == null ? null : file.resolveSibling(named + ".json");
    if (beside == null || !Files.isRegularFile(beside)) {
      return Optional.empty();
    }
    try {
      SnapshotRecord made =
          Json.read(Files.readAllBytes(beside), SnapshotRecord.class, "the snapshot's record");
      if (!made.sha256().equals(named)) {
        throw new TrainingException.Data(
            "the snapshot's record is of " + made.sha256() + ", expected " + named);
      }
      return Optional.of(made);
    } catch (IOException e) {
      throw new TrainingException.Data("the snapshot's record cannot be read: " + e.getMessage());
    }
  }

  private static double trainLoss(FittedModel model, Dataset data, Split split) {
    return Metrics.logLoss(model.score(data.x(), split.train()), pick(data.y(), split.train()));
  }

  static List<Histogram> featureBaselines(Dataset data) {
    List<Histogram> out = new ArrayList<>();
    for (int f = 0; f < data.width(); f++) {
      double[] values = new double[data.rows()];
      for (int i = 0; i < values.length; i++) {
        values[i] = data.x()[i * data.width() + f];
      }
      out.add(Histograms.of(values));
    }
    return out;
  }

  private static byte[] schemaBytes(Path schema) {
    try {
      return Files.readAllBytes(schema);
    } catch (IOException e) {
      throw new TrainingException.Schema("schema " + schema.getFileName() + " cannot be read");
    }
  }

  private static int[] pick(int[] values, int[] rows) {
    return Arrays.stream(rows).map(i -> values[i]).toArray();
  }

  private static double[] pick(double[] values, int[] rows) {
    return Arrays.stream(rows).mapToDouble(i -> values[i]).toArray();
  }
}
