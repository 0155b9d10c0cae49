package io.apgms.ml.gateway;

import io.apgms.ml.gateway.admin.Candidates;
import io.apgms.ml.gateway.admin.ManagementVerticle;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.gateway.settings.SettingsException;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.registry.signature.TrustFile;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;

/** The registry's folders and whom they trust, as the settings have them. */
public final class Artifacts {
  private Artifacts() {}

  /**
   * The store that everything is loaded from.
   *
   * @throws SettingsException when the trust file is not what it must be
   */
  public static ArtifactStore store(Settings settings) {
    return store(settings, settings.registry().dir());
  }

  /** The same of another folder. */
  public static ArtifactStore store(Settings settings, Path root) {
    return ArtifactStore.trusting(root, trust(settings), InstantSource.system());
  }

  /** Packaged and not published yet: beside the registry. */
  public static Path candidates(Settings settings) {
    return settings.registry().dir().resolveSibling("candidates");
  }

  /** What is promoted or put on trial, and what it is published to. */
  static Candidates toPromote(Settings settings) {
    return new Candidates(
        candidates(settings),
        settings.registry().dir(),
        folder -> store(settings, folder),
        () -> Policy.read(settings.registry().policy()));
  }

  /** The same, and how long an approval of it counts. */
  static ManagementVerticle.Approvals approvals(Settings settings) {
    return new ManagementVerticle.Approvals(
        toPromote(settings), Duration.ofHours(settings.approvals().validHours()));
  }

  /**
   * Who is trusted: the keys of the trust file and, where {@code auth.mode} is dev, the development
   * key of the data folder once there is one.
   *
   * @throws SettingsException when the file is not what it must be
   */
  public static TrustFile trust(Settings settings) {
    Path development = settings.auth().dev() ? developmentKey(settings) : null;
    TrustFile file = new TrustFile(settings.registry().trust(), development);
    try {
      file.get();
    } catch (RegistryException.Invalid e) {
      throw new SettingsException(
          "registry.trust (ML_TRUST_FILE)",
          settings.registry().trust().toString(),
          "a trust file, but " + e.getMessage());
    }
    return file;
  }

  /** The public half of the key that a development machine signs with; made by `sign`. */
  public static Path developmentKey(Settings settings) {
    return settings.data().dir().resolve("keys").resolve("development.pub.pem");
  }
}
