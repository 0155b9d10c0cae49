package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.Publication;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.RegulatedThresholds;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Policy;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The folders a promotion is about: packaged candidates, and the registry. Blocking.
 *
 * @param stores a store over a folder that verifies as the one that serves does
 * @param policy the gates' limits in force, read anew
 */
public record Candidates(
    Path candidates, Path registry, Function<Path, ArtifactStore> stores, Supplier<Policy> policy) {

  /** A candidate, or a version that is published already; NotFound where there is neither. */
  VerifiedArtifact load(String model, String version) {
    try {
      return stores.apply(candidates).load(model, version);
    } catch (RegistryException.NotFound e) {
      return stores.apply(registry).load(model, version);
    }
  }

  /** A published version, or a candidate, that has this digest; NotFound or Corrupt for none. */
  VerifiedArtifact load(String model, String version, String digest) {
    try {
      return stores.apply(registry).load(model, version, digest);
    } catch (RegistryException.NotFound | RegistryException.Corrupt e) {
      return stores.apply(candidates).load(model, version, digest);
    }
  }

  /** A verified copy of a candidate, ready to be published; null where it is published already. */
  @Nullable Publication stage(String model, String version) {
    try {
      return Publication.stage(candidates, registry, stores, model, version);
    } catch (RegistryException.NotFound e) {
      stores.apply(registry).load(model, version);
      return null;
    }
  }

  /**
   * How a promotion would change the regulated thresholds.
   *
   * @param digest of the candidate's manifest; Corrupt when another one lies there
   */
  List<RegulatedThresholds.Difference> differences(
      @Nullable Pointer active, String model, String version, String digest) {
    VerifiedArtifact candidate = load(model, version);
    if (!candidate.digest().equals(digest)) {
      throw new RegistryException.Corrupt(
          model
              + "/"
              + version
              + " has "
              + candidate.digest()
              + ", expected "
              + digest
              + " of the ticket");
    }
    return RegulatedThresholds.between(manifest(active), candidate.manifest());
  }

  private @Nullable Manifest manifest(@Nullable Pointer active) {
    return active == null
        ? null
        : stores.apply(registry).load(active.model(), active.version(), active.digest()).manifest();
  }
}
