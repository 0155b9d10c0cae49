package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All gates of one artifact: integrity and bias are decided at once from its bytes; reproducibility
 * and smoke take a build and a running service, so their results come from evidence.
 */
public final class Gates {
  private Gates() {}

  /**
   * Integrity: whether the store loads it.
   *
   * @param artifact null where it does not
   */
  public record Integrity(@Nullable VerifiedArtifact artifact, GateResult result) {
    /** Reads the artifact once. Blocking. */
    public static Integrity of(ArtifactStore store, String model, String version) {
      try {
        VerifiedArtifact artifact = store.load(model, version);
        return new Integrity(artifact, intact(artifact));
      } catch (RegistryException e) {
        return new Integrity(
            null,
            new GateResult(Gate.integrity, Outcome.fail, List.of(String.valueOf(e.getMessage()))));
      }
    }
  }

  /**
   * One result a gate, in the order of {@link Gate}: what promotion decides on. A gate whose
   * evidence is missing, of another artifact or under another policy is inconclusive.
   *
   * @param artifact as the store loaded it, which is the integrity gate
   * @param evidence what was measured of it before; null for nothing
   */
  public static List<GateResult> decide(
      VerifiedArtifact artifact, Policy policy, @Nullable GateEvidence evidence) {
    List<GateResult> results = new ArrayList<>();
    results.add(intact(artifact));
    results.add(BiasGate.check(artifact, policy.bias()));
    results.add(fromEvidence(Gate.reproducibility, artifact, policy, evidence));
    results.add(fromEvidence(Gate.smoke, artifact, policy, evidence));
    return results;
  }

  /** What was not run, or cannot be used. */
  public static GateResult inconclusive(Gate gate, String reason) {
    return new GateResult(gate, Outcome.inconclusive, List.of(reason));
  }

  private static GateResult intact(VerifiedArtifact artifact) {
    String signer = artifact.signer() == null ? "" : " signed by " + artifact.signer();
    return new GateResult(Gate.integrity, Outcome.pass, List.of(artifact.digest() + signer));
  }

  private static GateResult fromEvidence(
      Gate gate, VerifiedArtifact artifact, Policy policy, @Nullable GateEvidence evidence) {
    if (evidence == null) {
      return inconclusive(gate, "not run: no evidence of it");
    }
    if (!evidence.manifestDigest().equals(artifact.digest())) {
      return inconclusive(
          gate,
          "the evidence is of manifest "
              + evidence.manifestDigest()
              + ", expected "
              + artifact.digest());
    }
    if (!evidence.policyDigest().equals(policy.digest())) {
      return inconclusive(
          gate,
          "the evidence follows policy "
              + evidence.policyDigest()
              + ", expected "
              + policy.digest());
    }
    return evidence.results().stream()
        .filter(r -> r.gate() == gate)
        .findFirst()
        .orElseGet(() -> inconclusive(gate, "not run: the evidence does not name it"));
  }
}
