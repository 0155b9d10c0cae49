package io.apgms.ml.registry;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of an artifact that were read once and matched the manifest; what is loaded is exactly
 * this, never the disk again.
 *
 * @param digest {@code sha256:…} of manifest.json, which names every other file's digest
 * @param torchScript the bytes of model.pt; not to be changed
 * @param reports bytes of the files that the gates read, by name; not to be changed
 * @param signer {@code sha256:…} of the public key that vouches for it; null where nobody was asked
 *     for a signature
 */
@SuppressWarnings("ArrayRecordComponent") // megabytes handed over once; never compared
public record VerifiedArtifact(
    Manifest manifest,
    String digest,
    byte[] torchScript,
    List<GoldenRow> golden,
    Map<String, byte[]> reports,
    @Nullable String signer) {
  public VerifiedArtifact {
    golden = List.copyOf(golden);
    reports = Map.copyOf(reports);
  }

  /** One that nobody has signed, without reports: it passes no gate. */
  public VerifiedArtifact(
      Manifest manifest, String digest, byte[] torchScript, List<GoldenRow> golden) {
    this(manifest, digest, torchScript, golden, Map.of(), null);
  }
}
