package io.apgms.ml.gateway.gates;

import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.BiasGate;
import io.apgms.ml.registry.gate.Gates;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.training.Progress;
import io.apgms.ml.training.TrainingException;
import io.apgms.ml.training.data.Canary;
import io.apgms.ml.training.data.CanaryRows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs gates of artifacts in one folder. Blocking, for minutes where a commit is built. */
public final class GateRuns implements AutoCloseable {
  private final Settings settings;
  private final Policy policy;
  private final Options options;
  private final Progress progress;
  private @Nullable ReproducibilityRun reproducibility;

  /**
   * What is run and on what.
   *
   * @param home the checkout, with bin/ml-service in it
   * @param root folder of the artifacts
   * @param data training rows; null to take them where the policy says
   * @param baseline version that smoke compares with; null for the newest one before
   */
  public record Options(Path home, Path root, @Nullable Path data, @Nullable String baseline) {}

  public GateRuns(Settings settings, Policy policy, Options options, Progress progress) {
    this.settings = settings;
    this.policy = policy;
    this.options = options;
    this.progress = progress;
  }

  /** What the gates say of one version, one result a gate, and the artifact where it is intact. */
  public record Checked(@Nullable VerifiedArtifact artifact, List<GateResult> results) {
    public Checked {
      results = List.copyOf(results);
    }
  }

  /** Runs gates of one version; all but integrity are inconclusive where it is not intact. */
  public Checked check(String model, String version, List<Gate> gates)
      throws IOException, InterruptedException {
    ArtifactStore store = Artifacts.store(settings, options.root());
    Gates.Integrity integrity = Gates.Integrity.of(store, model, version);
    VerifiedArtifact artifact = integrity.artifact();
    List<GateResult> results = new ArrayList<>();
    for (Gate gate : gates) {
      if (gate == Gate.integrity) {
        results.add(integrity.result());
      } else if (artifact == null) {
        results.add(Gates.inconclusive(gate, "not run: the artifact is not intact"));
      } else {
        results.add(run(gate, artifact));
      }
    }
    return new Checked(artifact, results);
  }

  private GateResult run(Gate gate, VerifiedArtifact artifact)
      throws IOException, InterruptedException {
    return switch (gate) {
      case integrity -> throw new IllegalArgumentException("it is decided by loading");
      case bias -> BiasGate.check(artifact, policy.bias());
      case reproducibility -> reproducibility(artifact);
      case smoke -> smoke(artifact);
    };
  }

  private GateResult reproducibility(VerifiedArtifact artifact)
      throws IOException, InterruptedException {
    if (reproducibility == null) {
      reproducibility = new ReproducibilityRun(options.home(), progress);
    }
    return reproducibility.check(artifact, snapshot(artifact), policy);
  }

  private @Nullable Path snapshot(VerifiedArtifact artifact) {
    String path = policy.snapshots().get(artifact.manifest().model());
    if (options.data() != null || path == null) {
      return options.data();
    }
    Path named = options.home().resolve(path);
    return Files.isDirectory(named)
        ? named.resolve(artifact.manifest().provenance().datasetSha256() + ".csv.gz")
        : named;
  }

  private GateResult smoke(VerifiedArtifact artifact) throws IOException, InterruptedException {
    List<CanaryRows.Row> canary;
    try {
      List<CanaryRows.Row> rows = CanaryFile.read(options.home(), policy, artifact);
      if (rows == null) {
        return Gates.inconclusive(Gate.smoke, "no canary" + whereItCouldBe(artifact));
      }
      canary = rows;
    } catch (TrainingException e) {
      return new GateResult(
          Gate.smoke, GateResult.Outcome.fail, List.of(String.valueOf(e.getMessage())));
    }
    return new SmokeRun(options.home(), settings, policy, progress)
        .check(
            new SmokeRun.Version(folder(options.root(), artifact), artifact),
            baseline(artifact),
            canary);
  }

  private String whereItCouldBe(VerifiedArtifact artifact) {
    String path = policy.canaries().get(artifact.manifest().model());
    return ", expected "
        + Canary.NAME
        + " in the artifact"
        + (path == null ? " or a path in the policy" : " or " + path);
  }

  private static Path folder(Path root, VerifiedArtifact artifact) {
    return root.resolve(artifact.manifest().model()).resolve(artifact.manifest().version());
  }

  /** The newest version of the registry that is older, or the one that was asked for. */
  private SmokeRun.@Nullable Version baseline(VerifiedArtifact artifact) {
    Path root = settings.registry().dir();
    ArtifactStore store = Artifacts.store(settings, root);
    String model = artifact.manifest().model();
    String version = options.baseline();
    if (version == null) {
      version =
          store.versions(model).stream()
              .filter(v -> ArtifactStore.compareVersions(v, artifact.manifest().version()) < 0)
              .reduce((older, newer) -> newer)
              .orElse(null);
    }
    if (version == null) {
      return null;
    }
    VerifiedArtifact loaded = store.load(model, version);
    if (loaded.digest().equals(artifact.digest())) {
      throw new RegistryException.Invalid(
          "baseline " + version + " is the version itself, expected another one");
    }
    return new SmokeRun.Version(folder(root, loaded), loaded);
  }

  @Override
  public void close() throws IOException {
    if (reproducibility != null) {
      reproducibility.close();
    }
  }
}
