package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.feedback.LabelledRows;
import io.apgms.ml.feedback.LabelledRows.LabelledRow;
import io.apgms.ml.gateway.FeatureStore;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.training.SnapshotOptions;
import io.apgms.ml.training.TrainOptions;
import io.apgms.ml.training.Training;
import io.apgms.ml.training.data.LabelledCase;
import io.apgms.ml.training.data.SnapshotRecord;
import io.apgms.ml.training.data.SnapshotWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "snapshot",
    description = {
      "Put the rows of a retraining together: the standing set, and the labelled decisions of the",
      "feature store (ML_DATABASE_URL, else the embedded database of ML_DATA_DIR). Writes",
      "<sha256>.csv.gz, named by its plain CSV, and <sha256>.json beside it. No id, no note and no",
      "metadata is in it."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service snapshot --schema conf/models/risk-score.yaml --out snapshots/",
      "  bin/ml-service snapshot --schema conf/models/credit-default.yaml \\",
      "      --data credit_default.csv.gz --days 7 --trigger drift --out snapshots/"
    })
final class SnapshotCommand implements Callable<Integer> {
  /** Why a model is retrained. */
  enum Trigger {
    schedule,
    drift,
    budget,
    regulator,
    manual
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--schema", required = true, description = "conf/models/<model>.yaml")
  private Path schema = Path.of("");

  @Option(
      names = "--data",
      description = "standing set, CSV, plain or gzip; left out for a generator")
  private @Nullable Path data;

  @Option(
      names = "--any-data",
      description = "take a file of another hash than the schema names: data of your own")
  private boolean anyData;

  @Option(
      names = "--days",
      description = "labels recorded in so many days before --until (default: ${DEFAULT-VALUE})")
  private int days = 7;

  @Option(
      names = "--labels",
      description = "manifest of an export, whose window counts, instead of the feature store")
  private @Nullable Path labels;

  @Option(names = "--until", description = "RFC 3339 time (default: now)")
  private @Nullable String until;

  @Option(
      names = "--trigger",
      description = "why: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
  private Trigger trigger = Trigger.schedule;

  @Option(names = "--out", required = true, description = "folder of snapshots")
  private Path out = Path.of("");

  @Option(names = "--json", description = "print what the snapshot holds as JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (days < 1 || days > 3_660) {
      throw new Failure(Failure.USAGE, "--days is " + days + ", expected from 1 to 3660");
    }
    Instant to = end();
    Settings settings = Settings.read(MlService.home(), System.getenv());
    if (labels != null) {
      return print(exported(labels, settings));
    }
    try (FeatureStore store = FeatureStore.open(settings)) {
      SnapshotWriter.Labels window =
          store == null ? null : new SnapshotWriter.Labels(to.minus(Duration.ofDays(days)), to);
      return print(
          Training.snapshot(
              options(window),
              (model, writer) -> {
                if (store != null && window != null) {
                  tell(
                      told ->
                          store.labelled(
                              new LabelledRows.Window(model.model(), window.from(), window.to()),
                              told),
                      new Columns(settings.registry().dir(), model.model()),
                      writer);
                }
              }));
    }
  }

  private SnapshotRecord exported(Path manifest, Settings settings) throws IOException {
    ExportedCases cases = ExportedCases.open(manifest);
    return Training.snapshot(
        options(new SnapshotWriter.Labels(cases.from(), cases.to())),
        (model, writer) ->
            tell(
                told -> cases.forEach(model.model(), told),
                new Columns(settings.registry().dir(), model.model()),
                writer));
  }

  private SnapshotOptions options(SnapshotWriter.@Nullable Labels window) {
    return new SnapshotOptions(
        schema, new TrainOptions.Data(data, null, anyData), window, trigger.name(), out);
  }

  private int print(SnapshotRecord made) throws IOException {
    spec.commandLine()
        .getOut()
        .println(
            json
                ? JSON.writeValueAsString(made)
                : "snapshot " + made.sha256() + ", " + made.summary());
    return 0;
  }

  private Instant end() {
    try {
      return until == null ? Instant.now().truncatedTo(ChronoUnit.SECONDS) : Instant.parse(until);
    } catch (DateTimeParseException e) {
      throw new Failure(
          Failure.USAGE, "--until is '" + until + "', expected a time as 2026-11-24T00:00:00Z");
    }
  }

  /** Where labelled decisions come from. */
  private interface Source {
    void forEach(Consumer<LabelledRow> told) throws IOException;
  }

  private static void tell(Source source, Columns columns, SnapshotWriter writer) {
    try {
      source.forEach(
          row -> {
            List<String> names = columns.of(row);
            if (names == null) {
              writer.leaveOut("of a version that is not in the registry");
            } else {
              writer.labelled(
                  new LabelledCase(inputs(names, row.features()), groups(row), row.positive()));
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
  }

  private static Map<String, Float> inputs(List<String> names, float[] features) {
    Map<String, Float> inputs = new HashMap<>();
    for (int i = 0; i < features.length; i++) {
      inputs.put(names.get(i), features[i]);
    }
    return inputs;
  }

  private static Map<String, String> groups(LabelledRow row) {
    String groups = row.groupsJson();
    if (groups == null) {
      return Map.of();
    }
    try {
      return JSON.readValue(groups, new TypeReference<Map<String, String>>() {});
    } catch (JsonProcessingException e) {
      return Map.of(); // as if the caller had sent none
    }
  }

  /**
   * What the features of a decision are called: the order is that of the version that made it, as
   * the very manifest says that is named by the decision.
   */
  private static final class Columns {
    private final Path registry;
    private final String model;
    private final Map<String, Optional<List<String>>> known = new HashMap<>();

    Columns(Path registry, String model) {
      this.registry = registry;
      this.model = model;
    }

    @Nullable List<String> of(LabelledRow row) {
      List<String> names =
          known
              .computeIfAbsent(
                  row.modelVersion() + " " + row.modelDigest(),
                  key -> Optional.ofNullable(read(row.modelVersion(), row.modelDigest())))
              .orElse(null);
      return names == null || names.size() != row.features().length ? null : names;
    }

    private @Nullable List<String> read(String version, String digest) {
      if (!Names.isVersion(version)) {
        return null;
      }
      try {
        byte[] manifest =
            Files.readAllBytes(registry.resolve(model).resolve(version).resolve("manifest.json"));
        return ("sha256:" + ArtifactStore.sha256(manifest)).equals(digest)
            ? Manifest.parse(manifest).features().stream().map(Manifest.Feature::name).toList()
            : null;
      } catch (IOException | RegistryException e) {
        return null;
      }
    }
  }
}
