package io.apgms.ml.registry;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the gates said of one artifact, as a document whose digest approvals are bound to.
 *
 * @param manifestDigest {@code sha256:…} of the artifact's manifest.json
 * @param policyDigest {@code sha256:…} of the policy the gates followed
 * @param results one a gate at most
 */
public record GateEvidence(
    String model,
    String version,
    String manifestDigest,
    String policyDigest,
    List<GateResult> results) {
  private static final int MAX_REASON = 20_000;

  public GateEvidence {
    Names.requireModel(model);
    Names.requireVersion(version);
    Text.requireDigest(manifestDigest);
    Text.requireDigest(policyDigest);
    results = List.copyOf(results);
    Set<Gate> named = new HashSet<>();
    for (GateResult result : results) {
      if (!named.add(result.gate())) {
        throw new RegistryException.Invalid(
            "gate " + result.gate() + " stands twice in the evidence, expected once");
      }
    }
  }

  /** Reads the document strictly. */
  public static GateEvidence parse(byte[] json) {
    GateEvidence evidence = StrictJson.read(json, GateEvidence.class, "gate evidence");
    for (GateResult result : evidence.results()) {
      result.reasons().forEach(r -> Text.requireStorable("reason", r, MAX_REASON));
    }
    return evidence;
  }

  /** The document; the same evidence gives the same bytes. */
  public byte[] toJson() {
    return StrictJson.bytes(this);
  }

  /** {@code sha256:…} of the document. */
  public String digest() {
    return "sha256:" + ArtifactStore.sha256(toJson());
  }
}
