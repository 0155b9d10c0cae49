package io.apgms.ml.registry;

import io.apgms.ml.registry.signature.ModelSignature;
import io.apgms.ml.registry.signature.SigningKey;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.InstantSource;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;

/** Signs artifact folders: for who has a private key whose public half is pinned. Blocking. */
public final class ArtifactSigner {
  private final Path root;
  private final Supplier<Trust> trust;
  private final InstantSource clock;

  /** Of the folders {@code <root>/<model>/<version>/}. */
  public ArtifactSigner(Path root, Supplier<Trust> trust, InstantSource clock) {
    this.root = root;
    this.trust = trust;
    this.clock = clock;
  }

  /**
   * Signs what matches its manifest, in place of a signature that was there, and loads it as it
   * will be loaded to serve.
   *
   * @throws RegistryException.Corrupt when the folder does not match its manifest, or would not be
   *     loaded with this signature; then it is left as it was
   * @throws RegistryException.Invalid when the key is not pinned for the model
   */
  public VerifiedArtifact sign(String model, String version, SigningKey key) throws IOException {
    VerifiedArtifact artifact = ArtifactStore.withoutSignatures(root).load(model, version);
    SortedMap<String, String> digests = new TreeMap<>();
    artifact.manifest().files().forEach(f -> digests.put(f.name(), f.sha256()));
    digests.put(ArtifactStore.MANIFEST, artifact.digest().substring(7));
    Trust trusted = trust.get();
    byte[] modelSig = ModelSignature.sign(version, digests, key, trusted.keysOf(model));
    trusted.verify(model, modelSig, clock.instant());

    Path folder = root.resolve(model).resolve(version);
    // Beside the folder, whose every file must be signed.
    Path draft = folder.resolveSibling("." + version + ".sig.draft");
    Files.write(draft, modelSig);
    Files.move(
        draft,
        folder.resolve(ArtifactStore.SIGNATURE),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    return ArtifactStore.trusting(root, trust, clock).load(model, version);
  }
}
