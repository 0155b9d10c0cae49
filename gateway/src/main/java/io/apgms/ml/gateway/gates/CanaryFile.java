package io.apgms.ml.gateway.gates;

import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.training.data.Canary;
import io.apgms.ml.training.data.CanaryRows;
import io.apgms.ml.training.data.SchemaReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The labelled rows of a version: shipped with it, or where the policy says. Blocking. */
public final class CanaryFile {
  private CanaryFile() {}

  /**
   * Its rows; null where there is no file.
   *
   * @param home that a relative path of the policy starts at
   * @throws io.apgms.ml.training.TrainingException naming the cell that the schema does not take
   */
  public static @Nullable List<CanaryRows.Row> read(
      Path home, Policy policy, VerifiedArtifact artifact) throws IOException {
    byte[] bytes = bytes(home, policy, artifact);
    byte[] schema = artifact.reports().getOrDefault("schema.yaml", new byte[0]);
    return bytes == null ? null : CanaryRows.read(SchemaReader.parse(schema), bytes);
  }

  private static byte @Nullable [] bytes(Path home, Policy policy, VerifiedArtifact artifact)
      throws IOException {
    byte[] shipped = artifact.reports().get(Canary.NAME);
    String path = policy.canaries().get(artifact.manifest().model());
    if (shipped != null || path == null) {
      return shipped;
    }
    Path file = home.resolve(path);
    return Files.isRegularFile(file) ? Files.readAllBytes(file) : null;
  }
}
