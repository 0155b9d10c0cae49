package io.apgms.ml.registry;

import static io.apgms.ml.registry.ArtifactFixture.MODEL;
import static io.apgms.ml.registry.ArtifactFixture.VERSION;
import static io.apgms.ml.registry.ArtifactFixture.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArtifactStoreTest {
  private static final long SEED = 20261123;

  @TempDir Path root;
  private ArtifactFixture artifact;
  private ArtifactStore store;

  @BeforeEach
  void writeArtifact() throws IOException {
    artifact = new ArtifactFixture(root);
    store = ArtifactFixture.store(root);
  }

  private void assertCorrupt(String... texts) {
    assertThatThrownBy(artifact::load)
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageContainingAll(texts);
  }

  @Test
  void load_untouchedFolder_givesTheBytesReadAndTheManifestsDigest() throws IOException {
    VerifiedArtifact loaded = artifact.load();
    byte[] manifest = Files.readAllBytes(artifact.folder.resolve("manifest.json"));
    assertThat(loaded.digest()).isEqualTo("sha256:" + ArtifactStore.sha256(manifest));
    assertThat(loaded.torchScript())
        .isEqualTo(Files.readAllBytes(artifact.folder.resolve("model.pt")));
    assertThat(loaded.golden()).hasSize(1);
    assertThat(loaded.manifest()).isEqualTo(artifact.manifest());
    assertThat(store.load(MODEL, VERSION, loaded.digest()).digest()).isEqualTo(loaded.digest());
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.pt", "golden.json", "report.md"})
  void load_flippedByte_isCorrupt(String name) throws IOException {
    Path file = artifact.folder.resolve(name);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
    assertCorrupt(name + " has SHA-256", "expected");
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.pt", "golden.json", "report.md"})
  void load_truncatedFile_isCorrupt(String name) throws IOException {
    Path file = artifact.folder.resolve(name);
    byte[] bytes = Files.readAllBytes(file);
    for (int length : new int[] {0, bytes.length - 1}) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertCorrupt(name + " has " + length + " bytes, expected " + bytes.length);
    }
    Files.write(file, Arrays.copyOf(bytes, bytes.length + 1));
    assertCorrupt(name, "expected " + bytes.length);
  }

  @Test
  void load_flippedByteInManifest_isCorruptForTheDeployedDigest() throws IOException {
    String deployed = artifact.load().digest();
    Path file = artifact.folder.resolve("manifest.json");
    String json = Files.readString(file);
    Files.writeString(file, json.replace("\"seed\" : 42", "\"seed\" : 43"));
    assertCorrupt("manifest.json has SHA-256", "as signed");
    artifact.sign(ArtifactFixture.KEY);
    assertThat(artifact.load().digest()).as("intact, but another one").isNotEqualTo(deployed);
    assertThatThrownBy(() -> store.load(MODEL, VERSION, deployed))
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageContaining("expected " + deployed);
    assertThatThrownBy(() -> store.load(MODEL, VERSION, "sha256:x"))
        .isInstanceOf(RegistryException.Invalid.class);
  }

  @Test
  void load_thousandRandomByteFlips_areAllRefused() throws IOException {
    String deployed = artifact.load().digest();
    List<String> names =
        List.of("manifest.json", "model.pt", "golden.json", "report.md", "model.sig");
    for (int i = 0; i < 1_000; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      Path file = artifact.folder.resolve(names.get(random.nextInt(names.size())));
      byte[] good = Files.readAllBytes(file);
      byte[] bad = good.clone();
      bad[random.nextInt(bad.length)] ^= (byte) (1 + random.nextInt(255));
      Files.write(file, bad);
      assertThatThrownBy(() -> store.load(MODEL, VERSION, deployed))
          .as("seed %d, %s", SEED + i, file.getFileName())
          .isInstanceOf(RegistryException.Corrupt.class)
          .hasMessageStartingWith(file.getFileName().toString());
      Files.write(file, good);
    }
    assertThat(store.load(MODEL, VERSION, deployed).digest()).isEqualTo(deployed);
  }

  @Test
  void load_extraFile_isCorrupt() throws IOException {
    Files.write(artifact.folder.resolve("extra.so"), new byte[1]);
    assertCorrupt("[extra.so] in the folder");
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.pt", "golden.json", "report.md", "manifest.json"})
  void load_missingFile_isCorrupt(String name) throws IOException {
    Files.delete(artifact.folder.resolve(name));
    assertCorrupt(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.pt", "report.md", "manifest.json", "model.sig"})
  void load_symbolicLink_isCorrupt(String name) throws IOException {
    Path file = artifact.folder.resolve(name);
    Path elsewhere = root.resolve("elsewhere");
    Files.write(elsewhere, Files.exists(file) ? Files.readAllBytes(file) : new byte[1]);
    Files.deleteIfExists(file);
    Files.createSymbolicLink(file, elsewhere);
    assertCorrupt(name + " is a link or a folder");
  }

  @Test
  void load_linkedFolders_areNotFound() throws IOException {
    Files.createSymbolicLink(root.resolve("linked-model"), root.resolve(MODEL));
    Files.createSymbolicLink(root.resolve(MODEL).resolve("20261119"), artifact.folder);
    for (String[] name : new String[][] {{"linked-model", VERSION}, {MODEL, "20261119"}}) {
      assertThatThrownBy(() -> store.load(name[0], name[1]))
          .isInstanceOf(RegistryException.NotFound.class);
    }
    assertThat(store.models()).containsExactly(MODEL);
    assertThat(store.versions(MODEL)).containsExactly(VERSION);
  }

  @Test
  void load_subFolder_isCorrupt() throws IOException {
    Files.createDirectory(artifact.folder.resolve("code"));
    assertCorrupt("code is a link or a folder");
  }

  @Test
  void load_manifestOfAnotherModelOrVersion_isCorrupt() throws IOException {
    List<Manifest.FileEntry> files = artifact.manifest().files();
    artifact.write(ArtifactFixture.manifest("other", VERSION, files));
    assertCorrupt("names other/" + VERSION, "expected " + MODEL);
    artifact.write(ArtifactFixture.manifest(MODEL, "20261101", files));
    assertCorrupt("20261101");
  }

  @Test
  void load_manifestNamingOddFiles_isCorrupt() throws IOException {
    List<Manifest.FileEntry> files = artifact.manifest().files();
    Files.write(root.resolve(MODEL).resolve("outside"), new byte[1]);
    for (String name :
        List.of("../outside", "/etc/passwd", ".", "", "./model.pt", "model.sig", "manifest.json")) {
      List<Manifest.FileEntry> odd = new ArrayList<>(files);
      odd.add(ArtifactFixture.entry(name, new byte[1]));
      artifact.write(ArtifactFixture.manifest(MODEL, VERSION, odd));
      assertCorrupt(name + " stands in the manifest");
    }
    List<Manifest.FileEntry> twice = new ArrayList<>(files);
    twice.add(files.get(0));
    artifact.write(ArtifactFixture.manifest(MODEL, VERSION, twice));
    assertCorrupt("expected once");
  }

  @Test
  void load_requiredFileNotNamed_isCorrupt() throws IOException {
    for (String name : List.of("model.pt", "golden.json")) {
      ArtifactFixture fresh = new ArtifactFixture(root.resolve("fresh-" + name));
      Files.delete(fresh.folder.resolve(name));
      fresh.write(
          ArtifactFixture.manifest(
              MODEL,
              VERSION,
              fresh.manifest().files().stream().filter(e -> !e.name().equals(name)).toList()));
      assertThatThrownBy(fresh::load)
          .isInstanceOf(RegistryException.Corrupt.class)
          .hasMessageContaining(name + " is missing");
    }
  }

  @Test
  void load_oversizedSparseFile_isCorruptWithoutBeingRead() throws IOException {
    sparse("model.pt", 8L << 30);
    assertCorrupt("model.pt has " + (8L << 30) + " bytes, expected at most " + (256L << 20));
    sparse("manifest.json", (4L << 20) + 1);
    assertCorrupt("manifest.json has", "expected at most " + (4L << 20));
  }

  private void sparse(String name, long size) throws IOException {
    try (RandomAccessFile file =
        new RandomAccessFile(artifact.folder.resolve(name).toFile(), "rw")) {
      file.setLength(size);
    }
  }

  @Test
  void load_tooManyFiles_isCorrupt() throws IOException {
    for (int i = 0; i < 64; i++) {
      Files.write(artifact.folder.resolve("f" + i), new byte[0]);
    }
    assertCorrupt("more than 64 files");
  }

  @Test
  void load_emptyFolder_isCorrupt() throws IOException {
    Files.createDirectories(root.resolve(MODEL).resolve("20261120"));
    assertThatThrownBy(() -> store.load(MODEL, "20261120"))
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageContaining("manifest.json is missing");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{}",
        "null",
        "[null]",
        "[{\"inputs\":{\"a\":1}}]",
        "[{\"inputs\":{\"a\":1},\"score\":2}]",
        "[{\"inputs\":{\"a\":1},\"score\":\"NaN\"}]",
        "[{\"inputs\":null,\"score\":0.5}]",
        "[{\"inputs\":{\"a\":1,\"a\":2},\"score\":0.5}]",
        "[{\"inputs\":{\"a\":1},\"score\":0.5,\"x\":1}]",
        "[{\"inputs\":{\"a\":\"1\"},\"score\":0.5}]",
        "[] x"
      })
  void load_goldenRowsNotAsDocumented_isCorrupt(String golden) throws IOException {
    artifact.add("golden.json", utf8(golden));
    assertCorrupt("golden.json");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x", "..", ".", "", "/", "A", "a/b", "a\\b", "a\0b", "-a", "a-", "é", "a b", "a\n"
      })
  void load_modelNamedLikeAPath_isInvalid(String name) {
    assertThatThrownBy(() -> store.load(name, VERSION))
        .isInstanceOf(RegistryException.Invalid.class);
    assertThatThrownBy(() -> store.versions(name)).isInstanceOf(RegistryException.Invalid.class);
    assertThat(Names.isModel(name)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../20261118",
        "2026111",
        "202611181",
        "20261118-0",
        "20261118-1000",
        "20261118/x"
      })
  void load_versionNamedLikeAPath_isInvalid(String version) {
    assertThatThrownBy(() -> store.load(MODEL, version))
        .isInstanceOf(RegistryException.Invalid.class);
  }

  @Test
  void names_tenThousandRandomOnes_neverLeaveTheRoot() {
    String alphabet = "ab09-./\\\0%~ \n";
    int accepted = 0;
    for (int i = 0; i < 10_000; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      StringBuilder name = new StringBuilder();
      int length = random.nextInt(6);
      for (int k = 0; k < length; k++) {
        name.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      if (Names.isModel(name.toString())) {
        accepted++;
        Path resolved = root.resolve(name.toString());
        assertThat(resolved.normalize().getParent()).as("seed %d", SEED + i).isEqualTo(root);
      }
    }
    assertThat(accepted).isGreaterThan(100);
  }

  @Test
  void load_unknownModelOrVersion_isNotFound() {
    assertThatThrownBy(() -> store.load("nobody", VERSION))
        .isInstanceOf(RegistryException.NotFound.class);
    assertThatThrownBy(() -> store.load(MODEL, "20200101"))
        .isInstanceOf(RegistryException.NotFound.class)
        .hasMessageNotContaining(root.toString());
    assertThat(store.versions("nobody")).isEmpty();
    assertThat(ArtifactFixture.store(root.resolve("none")).models()).isEmpty();
  }

  @Test
  void versions_manyOfADay_areOrderedByNumber() throws IOException {
    for (String v : List.of("20261118-10", "20261118-2", "20261017", "latest", "20261119")) {
      Files.createDirectories(root.resolve(MODEL).resolve(v));
    }
    assertThat(store.versions(MODEL))
        .containsExactly("20261017", "20261118", "20261118-2", "20261118-10", "20261119");
  }

  @Test
  void load_modelReplacedMeanwhile_givesApprovedBytesOrNothing() throws Exception {
    String deployed = artifact.load().digest();
    Path file = artifact.folder.resolve("model.pt");
    byte[] good = Files.readAllBytes(file);
    byte[] evil = good.clone();
    evil[9] ^= 1;
    Path goodCopy = Files.write(root.resolve("good"), good);
    Path evilCopy = Files.write(root.resolve("evil"), evil);
    AtomicBoolean stop = new AtomicBoolean();
    Thread flipper = new Thread(() -> flip(file, goodCopy, evilCopy, stop));
    flipper.start();
    int loaded = 0;
    int refused = 0;
    int reopened = 0;
    for (int i = 0; i < 2_000 || (min(loaded, refused, reopened) == 0 && i < 200_000); i++) {
      try {
        assertThat(store.load(MODEL, VERSION, deployed).torchScript()).isEqualTo(good);
        loaded++;
        reopened += Arrays.equals(reopen(file), good) ? 0 : 1;
      } catch (RegistryException.Corrupt e) {
        refused++;
      }
    }
    stop.set(true);
    flipper.join(10_000);
    assertThat(loaded).as("loads between flips").isPositive();
    assertThat(refused).as("loads that met the other bytes").isPositive();
    assertThat(reopened).as("the control: who opens the file again gets other bytes").isPositive();
  }

  private static int min(int a, int b, int c) {
    return Math.min(a, Math.min(b, c));
  }

  /** Between two flips the file may be away for a moment. */
  private static byte[] reopen(Path file) throws IOException {
    try {
      return Files.readAllBytes(file);
    } catch (java.nio.file.NoSuchFileException e) {
      return new byte[0];
    }
  }

  private static void flip(Path file, Path good, Path evil, AtomicBoolean stop) {
    try {
      for (int i = 0; !stop.get(); i++) {
        Path next = file.resolveSibling("../next");
        Files.deleteIfExists(next);
        if (i % 3 == 0) {
          Files.createSymbolicLink(next, evil);
        } else {
          Files.copy(i % 3 == 1 ? good : evil, next);
        }
        Files.move(next, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
