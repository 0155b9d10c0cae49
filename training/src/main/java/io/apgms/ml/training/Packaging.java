package io.apgms.ml.training;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.Validity;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.TorchModel;
import io.apgms.ml.training.data.Canary;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.report.Evaluation;
import io.apgms.ml.training.report.Json;
import io.apgms.ml.training.report.Metrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** An artifact folder made of an evaluated run. */
final class Packaging {
  private static final List<String> FROM_RUN =
      List.of(
          RunFolder.MODEL,
          RunFolder.SCHEMA,
          RunFolder.RUN,
          RunFolder.EVALUATION,
          RunFolder.BIAS,
          RunFolder.CARD,
          RunFolder.NOTEBOOK);

  private final String version;
  private final Validity validity;
  private final TrainingRun run;
  private final ModelSchema schema;
  private final Map<String, byte[]> files = new TreeMap<>();

  private Packaging(RunFolder folder, String version, Validity validity) {
    this.version = version;
    this.validity = validity;
    this.run = folder.run();
    this.schema = folder.schema();
    FROM_RUN.forEach(name -> files.put(name, folder.read(name)));
    if (folder.has(RunFolder.SNAPSHOT)) {
      files.put(RunFolder.SNAPSHOT, folder.read(RunFolder.SNAPSHOT));
    }
    Evaluation evaluated =
        Json.read(folder.read(RunFolder.EVALUATION), Evaluation.class, RunFolder.EVALUATION);
    if (!run.modelSha256().equals(evaluated.modelSha256())) {
      throw new TrainingException.Run(
          "evaluation.json is of model "
              + evaluated.modelSha256()
              + ", expected "
              + run.modelSha256());
    }
  }

  static Packaging of(RunFolder folder, String version, Validity validity) {
    if (!Names.isVersion(version)) {
      throw new TrainingException.Run("version '" + version + "', expected YYYYMMDD or YYYYMMDD-n");
    }
    Packaging packaging = new Packaging(folder, version, validity);
    packaging.files.put("golden.json", Json.write(packaging.golden()));
    if (packaging.schema.source().generator() != null) {
      packaging.files.put(Canary.NAME, Canary.gzipped(packaging.schema));
    }
    packaging.files.put("manifest.json", packaging.manifest().toJson());
    return packaging;
  }

  VerifiedArtifact write(Path outRoot) {
    Path model = outRoot.resolve(schema.model());
    Path target = model.resolve(version);
    // Not a version's name: a half-written folder is never taken for an artifact.
    Path draft = model.resolve("." + version + ".draft");
    if (Files.exists(target)) {
      throw new TrainingException.Run(
          schema.model() + "/" + version + " is there already, expected a version not taken");
    }
    try {
      Files.createDirectories(draft);
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Files.write(draft.resolve(file.getKey()), file.getValue());
      }
      Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new TrainingException.Run("the artifact cannot be written: " + e.getMessage());
    }
    VerifiedArtifact artifact =
        ArtifactStore.withoutSignatures(outRoot).load(schema.model(), version);
    checkGolden(artifact);
    return artifact;
  }

  private static void checkGolden(VerifiedArtifact artifact) {
    List<Manifest.Feature> features = artifact.manifest().features();
    try (TorchModel module = TorchModel.load(artifact.torchScript(), features.size())) {
      for (GoldenRow row : artifact.golden()) {
        double score = Metrics.round(module.score(row.toTensor(features), 1)[0]);
        if (Math.abs(score - row.score()) > ScoredRows.TOLERANCE) {
          throw new TrainingException.Export(
              "golden row scores " + score + ", expected " + row.score());
        }
      }
    }
  }

  private Manifest manifest() {
    List<Manifest.FileEntry> entries = new ArrayList<>();
    files.forEach(
        (name, bytes) ->
            entries.add(new Manifest.FileEntry(name, ArtifactStore.sha256(bytes), bytes.length)));
    return new Manifest(
        schema.model(),
        version,
        entries,
        features(),
        run.scoreBaseline(),
        run.threshold(),
        schema.slo(),
        new Manifest.Provenance(
            run.gitCommit(),
            run.snapshot().sha256(),
            run.snapshot().rows(),
            run.containerDigest(),
            run.trainer(),
            run.seed()),
        validity);
  }

  private List<Manifest.Feature> features() {
    List<Manifest.Feature> out = new ArrayList<>();
    for (int i = 0; i < schema.features().size(); i++) {
      ModelSchema.Column c = schema.features().get(i);
      Histogram baseline = run.featureBaselines().get(i);
      out.add(new Manifest.Feature(c.name(), c.type(), c.min(), c.max(), c.nullable(), baseline));
    }
    return out;
  }

  /** Six rows that nobody lived: both ends of every range, and deciles put together. */
  private List<GoldenRow> golden() {
    List<Map<String, @Nullable Double>> rows =
        List.of(
            row((c, h, i) -> c.min()),
            row((c, h, i) -> c.max()),
            row((c, h, i) -> decile(h, c, 0.5)),
            row((c, h, i) -> decile(h, c, i % 2 == 0 ? 0.1 : 0.9)),
            row((c, h, i) -> decile(h, c, i % 2 == 0 ? 0.9 : 0.1)),
            row((c, h, i) -> c.nullable() ? null : decile(h, c, i % 3 == 0 ? 0.8 : 0.3)));
    List<Manifest.Feature> features = features();
    List<GoldenRow> golden = new ArrayList<>();
    try (TorchModel module =
        TorchModel.load(files.getOrDefault(RunFolder.MODEL, new byte[0]), features.size())) {
      for (Map<String, @Nullable Double> inputs : rows) {
        float[] tensor = new GoldenRow(inputs, 0).toTensor(features);
        golden.add(new GoldenRow(inputs, Metrics.round(module.score(tensor, 1)[0])));
      }
    }
    return golden;
  }

  private interface Cell {
    @Nullable Double of(ModelSchema.Column column, Histogram baseline, int index);
  }

  private Map<String, @Nullable Double> row(Cell cell) {
    Map<String, @Nullable Double> inputs = new LinkedHashMap<>();
    for (int i = 0; i < schema.features().size(); i++) {
      ModelSchema.Column column = schema.features().get(i);
      inputs.put(column.name(), cell.of(column, run.featureBaselines().get(i), i));
    }
    return inputs;
  }

  private static double decile(Histogram baseline, ModelSchema.Column column, double share) {
    List<Double> edges = baseline.edges();
    if (edges.isEmpty()) {
      return column.min();
    }
    double edge = edges.get((int) Math.round(share * (edges.size() - 1)));
    return column.type() == FeatureType.integer ? StrictMath.rint(edge) : edge;
  }
}
