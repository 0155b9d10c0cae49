package io.apgms.ml.registry;

import static io.apgms.ml.registry.ArtifactFixture.KEY;
import static io.apgms.ml.registry.ArtifactFixture.MODEL;
import static io.apgms.ml.registry.ArtifactFixture.NOW;
import static io.apgms.ml.registry.ArtifactFixture.TRUST;
import static io.apgms.ml.registry.ArtifactFixture.VERSION;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.archive.TestArchive;
import io.apgms.ml.registry.signature.SigningKey;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may vouch for an artifact, for which model, and until when. */
class ArtifactSignatureTest {
  @TempDir Path root;
  private ArtifactFixture artifact;

  @BeforeEach
  void writeArtifact() throws IOException {
    artifact = new ArtifactFixture(root);
  }

  private VerifiedArtifact load(Trust trust, Instant now) {
    return ArtifactStore.trusting(root, () -> trust, InstantSource.fixed(now)).load(MODEL, VERSION);
  }

  private void assertRefused(Trust trust, Instant now, String... texts) {
    assertThatThrownBy(() -> load(trust, now))
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageContainingAll(texts);
  }

  private static Trust pinned(SigningKey.Pair key, String model) {
    return TRUST.with(
        new Trust.Pinned(
            key.verifying(), Set.of(model), TRUST.keys().get(0).validity(), "another"));
  }

  @Test
  void load_signedByThePinnedKey_namesTheSigner() {
    assertThat(load(TRUST, NOW).signer()).isEqualTo(KEY.verifying().id());
    assertThat(ArtifactStore.withoutSignatures(root).load(MODEL, VERSION).signer()).isNull();
  }

  @Test
  void load_withoutSignature_isRefused() throws IOException {
    Files.delete(artifact.folder.resolve("model.sig"));
    assertRefused(TRUST, NOW, "model.sig is missing");
    assertThat(ArtifactStore.withoutSignatures(root).load(MODEL, VERSION).signer()).isNull();
  }

  @Test
  void load_rehashedUnderTheOldSignature_isRefused() throws IOException {
    byte[] old = Files.readAllBytes(artifact.folder.resolve("model.sig"));
    artifact.add("report.md", ArtifactFixture.utf8("# Better\n"));
    assertThat(load(TRUST, NOW).manifest().files()).hasSize(4);
    Files.write(artifact.folder.resolve("model.sig"), old);
    assertRefused(TRUST, NOW, "manifest.json has SHA-256", "as signed");
  }

  @Test
  void load_signedByAnotherKey_isRefusedUntilThatIsPinnedForThisModel() throws IOException {
    SigningKey.Pair other = SigningKey.Pair.generate();
    artifact.sign(other);
    assertRefused(TRUST, NOW, "expected one of [" + KEY.verifying().id());
    assertRefused(pinned(other, "another-model"), NOW, "expected one of");
    assertThat(load(pinned(other, MODEL), NOW).signer()).isEqualTo(other.verifying().id());
  }

  @Test
  void load_whileKeysRotate_takesBoth() throws IOException {
    SigningKey.Pair next = SigningKey.Pair.generate();
    Trust both = pinned(next, MODEL);
    assertThat(load(both, NOW).signer()).isEqualTo(KEY.verifying().id());
    artifact.sign(next);
    assertThat(load(both, NOW).signer()).isEqualTo(next.verifying().id());
    assertRefused(
        both.with(Trust.Revoked.key(next.verifying().id(), "lost")), NOW, "revoked: lost");
  }

  @Test
  void load_outsideTheKeysTime_isRefused() {
    Instant start = Instant.parse("2026-11-01T00:00:00Z");
    Instant end = Instant.parse("2027-11-01T00:00:00Z");
    assertThat(load(TRUST, start)).isNotNull();
    assertThat(load(TRUST, end.minusMillis(1))).isNotNull();
    assertRefused(TRUST, start.minusMillis(1), "valid from 2026-11-01T00:00:00Z");
    assertRefused(TRUST, end, "to 2027-11-01T00:00:00Z", "now it is 2027-11-01T00:00:00Z");
  }

  @Test
  void load_outsideTheManifestsTime_isRefused() throws IOException {
    Manifest m = artifact.manifest();
    artifact.write(
        new Manifest(
            m.model(),
            m.version(),
            m.files(),
            m.features(),
            m.scoreBaseline(),
            m.threshold(),
            m.slo(),
            m.provenance(),
            new Validity("2026-11-20T00:00:00Z", "2026-12-20T00:00:00Z")));
    assertThat(load(TRUST, NOW).manifest().validity()).isNotNull();
    assertRefused(TRUST, Instant.parse("2026-11-19T23:59:59Z"), "manifest.json is valid from");
    assertRefused(TRUST, Instant.parse("2026-12-20T00:00:00Z"), "manifest.json is valid from");
  }

  @Test
  void load_revoked_isRefusedAndNoClockRevivesIt() {
    String digest = load(TRUST, NOW).digest();
    for (Duration skew : List.of(Duration.ofHours(-1), Duration.ZERO, Duration.ofHours(1))) {
      Instant now = NOW.plus(skew);
      assertRefused(
          TRUST.with(Trust.Revoked.version(MODEL, VERSION, "poisoned rows")),
          now,
          MODEL + "/" + VERSION + " is revoked: poisoned rows");
      assertRefused(TRUST.with(Trust.Revoked.digest(digest, "bad")), now, "is revoked: bad");
      assertRefused(
          TRUST.with(Trust.Revoked.key(KEY.verifying().id(), "stolen")), now, "revoked: stolen");
    }
    Trust others =
        TRUST
            .with(Trust.Revoked.version(MODEL, "20261117", "x"))
            .with(Trust.Revoked.version("other", VERSION, "x"))
            .with(Trust.Revoked.digest("sha256:" + "0".repeat(64), "x"));
    assertThat(load(others, NOW)).isNotNull();
  }

  @Test
  void load_eachOfTenRevokedVersions_isRefused() throws IOException {
    Trust revoked = TRUST;
    for (int i = 1; i <= 10; i++) {
      Manifest m = artifact.manifest();
      String version = i == 1 ? VERSION : VERSION + "-" + i;
      artifact.write(ArtifactFixture.manifest(MODEL, version, m.files()));
      Path folder = root.resolve(MODEL).resolve(version);
      if (i > 1) {
        copy(artifact.folder, folder);
      }
      ArtifactStore store = ArtifactFixture.store(root);
      assertThat(store.load(MODEL, version).manifest().version()).isEqualTo(version);
      revoked = revoked.with(Trust.Revoked.version(MODEL, version, "replaced"));
      Trust now = revoked;
      assertThatThrownBy(
              () ->
                  ArtifactStore.trusting(root, () -> now, InstantSource.fixed(NOW))
                      .load(MODEL, version))
          .hasMessageContaining("is revoked");
    }
    assertThat(revoked.revoked()).hasSize(10);
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectory(to);
    try (var files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void load_signatureOfTheOtherVersion_isRefused() throws IOException {
    byte[] sig = Files.readAllBytes(artifact.folder.resolve("model.sig"));
    artifact.write(ArtifactFixture.manifest(MODEL, VERSION + "-2", artifact.manifest().files()));
    copy(artifact.folder, root.resolve(MODEL).resolve(VERSION + "-2"));
    Files.write(root.resolve(MODEL).resolve(VERSION + "-2").resolve("model.sig"), sig);
    assertThatThrownBy(() -> ArtifactFixture.store(root).load(MODEL, VERSION + "-2"))
        .hasMessageContaining("as signed");
  }

  @Test
  void load_signedModuleThatCouldReachMore_isRefused() throws IOException {
    artifact.add("model.pt", new TestArchive().with("m/payload.so", new byte[1]).bytes());
    assertRefused(TRUST, NOW, "model.pt has a member 'm/payload.so'");
  }

  @Test
  void load_hardLink_isRefused() throws IOException {
    Path model = artifact.folder.resolve("model.pt");
    Files.createLink(root.resolve("elsewhere"), model);
    assertRefused(TRUST, NOW, "model.pt has 2 hard links");
    Files.delete(root.resolve("elsewhere"));
    assertThat(load(TRUST, NOW)).isNotNull();
  }

  @Test
  void load_namesThatDifferInCase_areRefused() throws IOException {
    Files.write(artifact.folder.resolve("REPORT.md"), new byte[1]);
    assertRefused(TRUST, NOW, "differ only in case");
  }

  @Test
  void load_trustThatCannotBeRead_isRefused() {
    ArtifactStore store =
        ArtifactStore.trusting(
            root,
            () -> {
              throw new RegistryException.Invalid("the trust file cannot be read");
            },
            InstantSource.fixed(NOW));
    assertThatThrownBy(() -> store.load(MODEL, VERSION))
        .isInstanceOf(RegistryException.Invalid.class);
  }
}
