package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.RegistryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * {@code conf/policy.yaml}: the limits of the gates, and where rows are found that may not be
 * shipped.
 *
 * @param digest {@code sha256:…} of the file's bytes
 * @param snapshots path of a model's training rows, by model id
 * @param canaries path of a model's labelled canary rows, by model id
 */
public record Policy(
    String digest,
    Bias bias,
    Reproducibility reproducibility,
    Smoke smoke,
    Map<String, String> snapshots,
    Map<String, String> canaries) {
  private static final String NAME = "policy.yaml";
  private static final int MAX_BYTES = 1 << 20;

  public Policy {
    snapshots = Map.copyOf(snapshots);
    canaries = Map.copyOf(canaries);
    requireModels("snapshots", snapshots);
    requireModels("canaries", canaries);
  }

  /** Which value of a delta is compared with its limit. */
  public enum Bound {
    /** As measured. */
    point,
    /** The farther end of its 95 % interval. */
    upper
  }

  /**
   * Limits of the bias gate.
   *
   * @param maxDelta largest accepted |group − all|, a share
   * @param minGroupRows rows under which a group is inconclusive
   * @param minRateRows rows under which one rate of a group is
   * @param maxUngrouped share of rows in no band of a protected column over which it is
   * @param minSelection a selected share under it, or over 1 − it, is that of a degenerate model
   */
  public record Bias(
      double maxDelta,
      Bound bound,
      int minGroupRows,
      int minRateRows,
      double maxUngrouped,
      double minSelection) {
    public Bias {
      between("bias.maxDelta", maxDelta, 0, 1);
      between("bias.minGroupRows", minGroupRows, 1, 1_000_000);
      between("bias.minRateRows", minRateRows, 1, 1_000_000);
      between("bias.maxUngrouped", maxUngrouped, 0, 1);
      between("bias.minSelection", minSelection, 0, 0.5);
    }
  }

  /** Limits of the reproducibility gate: how far equivalent weights and metrics may differ. */
  public record Reproducibility(double equivalent) {
    public Reproducibility {
      between("reproducibility.equivalent", equivalent, 0, 1);
    }
  }

  /** Limits of the smoke gate; the latency in milliseconds, the drop a share of the canary. */
  public record Smoke(double p95Ms, double maxAccuracyDrop, int minCanaryRows) {
    public Smoke {
      between("smoke.p95Ms", p95Ms, 1, 60_000);
      between("smoke.maxAccuracyDrop", maxAccuracyDrop, 0, 1);
      between("smoke.minCanaryRows", minCanaryRows, 1, 1_000_000);
    }
  }

  private record Content(
      Bias bias,
      Reproducibility reproducibility,
      Smoke smoke,
      Map<String, String> snapshots,
      Map<String, String> canaries) {}

  /**
   * Reads a policy.
   *
   * @throws RegistryException.Corrupt naming the key and what was expected
   */
  public static Policy parse(byte[] yaml) {
    Content c = Documents.yaml(NAME, yaml, Content.class);
    return new Policy(
        "sha256:" + ArtifactStore.sha256(yaml),
        c.bias(),
        c.reproducibility(),
        c.smoke(),
        c.snapshots(),
        c.canaries());
  }

  /** Reads the policy in a file of at most 1 MiB. */
  public static Policy read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new RegistryException.Corrupt(NAME + " is larger than " + MAX_BYTES + " bytes");
      }
      return parse(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new RegistryException.NotFound("no policy " + file + ", expected the gates' limits");
    }
  }

  private static void requireModels(String key, Map<String, String> paths) {
    for (String id : paths.keySet()) {
      if (!Names.isModel(id)) {
        throw new RegistryException.Corrupt(NAME + ": " + key + ": '" + id + "' is no model id");
      }
    }
  }

  private static void between(String key, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw new RegistryException.Invalid(key + " " + value + ", expected " + min + " to " + max);
    }
  }
}
