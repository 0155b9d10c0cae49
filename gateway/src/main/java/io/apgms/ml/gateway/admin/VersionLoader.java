package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Brings versions into a runtime beside what serves there. Blocking; for any thread. */
public final class VersionLoader {
  private final ArtifactStore store;
  private final ScoringRuntime runtime;
  private final Consumer<VerifiedArtifact> verified;

  /**
   * Over a registry and the runtime that versions are brought into.
   *
   * @param verified told of what is about to be loaded
   */
  public VersionLoader(
      ArtifactStore store, ScoringRuntime runtime, Consumer<VerifiedArtifact> verified) {
    this.store = store;
    this.runtime = runtime;
    this.verified = verified;
  }

  /**
   * Loads a version from verified bytes, unless it is kept in memory and not revoked.
   *
   * @param digest the artifact that it must be; null for whichever is there
   */
  public ServedModel load(String model, String version, @Nullable String digest) {
    ServedModel warm = runtime.loaded(model, version);
    if (warm != null && (digest == null || digest.equals(warm.digest()))) {
      store.trust().requireUnrevoked(model, version, warm.digest(), null);
      return warm;
    }
    VerifiedArtifact artifact =
        digest == null ? store.load(model, version) : store.load(model, version, digest);
    verified.accept(artifact);
    return runtime.prepare(artifact);
  }
}
