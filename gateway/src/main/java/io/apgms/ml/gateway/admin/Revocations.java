package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.signature.Trust;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes out of service what the trust file has revoked since it was loaded: by version, by digest
 * or by the key that signed it. A trust file that cannot be read is told once and changes nothing
 * here; nothing new is loaded meanwhile.
 */
final class Revocations {
  private static final Logger LOG = LoggerFactory.getLogger(Revocations.class);
  private static final int MAX_REMEMBERED = 1_000;

  private final ArtifactStore store;
  private final ScoringRuntime runtime;
  private final Map<Artifact, Signed> loaded = new ConcurrentHashMap<>();
  private volatile String unreadable = "";

  private record Artifact(String model, String version) {}

  private record Signed(String digest, String signer) {}

  Revocations(ArtifactStore store, ScoringRuntime runtime) {
    this.store = store;
    this.runtime = runtime;
  }

  /** By whom a version was signed that is about to be served; callable from any thread. */
  void remember(VerifiedArtifact artifact) {
    String signer = artifact.signer();
    if (signer != null && loaded.size() < MAX_REMEMBERED) {
      loaded.put(
          new Artifact(artifact.manifest().model(), artifact.manifest().version()),
          new Signed(artifact.digest(), signer));
    }
  }

  /** Looks once, blocking; the models that have no active version since. */
  Set<String> look() {
    Trust trust;
    try {
      trust = store.trust();
      unreadable = "";
    } catch (RegistryException e) {
      String why = String.valueOf(e.getMessage());
      if (!why.equals(unreadable)) {
        LOG.error("nothing can be loaded until the trust file is right again: {}", why);
      }
      unreadable = why;
      return Set.of();
    }
    Map<String, Set<String>> revoked = new HashMap<>();
    for (Trust.Revoked entry : trust.revoked()) {
      if (entry.model() != null && entry.version() != null) {
        revoked.computeIfAbsent(entry.model(), m -> new HashSet<>()).add(entry.version());
      }
    }
    loaded.forEach(
        (artifact, signed) -> {
          try {
            trust.requireUnrevoked(artifact.model, artifact.version, signed.digest, signed.signer);
          } catch (RegistryException.Corrupt e) {
            revoked.computeIfAbsent(artifact.model, m -> new HashSet<>()).add(artifact.version);
          }
        });
    return withdraw(revoked);
  }

  private Set<String> withdraw(Map<String, Set<String>> revoked) {
    Set<String> withdrawn = new TreeSet<>();
    revoked.forEach(
        (model, versions) -> {
          ServedModel active = runtime.active(model);
          if (active != null && versions.contains(active.version())) {
            LOG.error("{} {} is revoked and no longer served: roll back", model, active.version());
            withdrawn.add(model);
          }
        });
    runtime.revoke(revoked);
    return withdrawn;
  }
}
