package io.apgms.ml.registry;

import java.util.List;

/**
 * The bytes of an artifact that were read once and matched the manifest; what is loaded is exactly
 * this, never the disk again.
 *
 * @param digest {@code sha256:…} of manifest.json, which names every other file's digest
 * @param torchScript the bytes of model.pt; not to be changed
 */
@SuppressWarnings("ArrayRecordComponent") // megabytes handed over once; never compared
public record VerifiedArtifact(
    Manifest manifest, String digest, byte[] torchScript, List<GoldenRow> golden) {
  public VerifiedArtifact {
    golden = List.copyOf(golden);
  }
}
