package io.apgms.ml.registry;

import io.apgms.ml.registry.archive.TestArchive;
import io.apgms.ml.registry.signature.ModelSignature;
import io.apgms.ml.registry.signature.SigningKey;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A small artifact folder that verifies, signed anew whenever its manifest is written. */
final class ArtifactFixture {
  static final String MODEL = "credit-default";
  static final String VERSION = "20261118";
  static final Instant NOW = Instant.parse("2026-11-24T08:00:00Z");
  static final SigningKey.Pair KEY = SigningKey.Pair.generate();
  static final Trust TRUST =
      new Trust(
          List.of(
              new Trust.Pinned(
                  KEY.verifying(),
                  Set.of(MODEL),
                  new Validity("2026-11-01T00:00:00Z", "2027-11-01T00:00:00Z"),
                  "made for this test")),
          List.of());

  final Path root;
  final Path folder;

  ArtifactFixture(Path root) throws IOException {
    this.root = root;
    this.folder = Files.createDirectories(root.resolve(MODEL).resolve(VERSION));
    byte[] tensor = new byte[4_096];
    new SplittableRandom(7).nextBytes(tensor);
    Map<String, byte[]> files = new TreeMap<>();
    files.put("model.pt", new TestArchive().with("m/data/0", tensor).bytes());
    files.put("golden.json", utf8("[{\"inputs\":{\"age\":30,\"income\":null},\"score\":0.25}]"));
    files.put("report.md", utf8("# Report\n\nMade up.\n"));
    files.put("empty.json", new byte[0]);
    List<Manifest.FileEntry> entries = new ArrayList<>();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Files.write(folder.resolve(file.getKey()), file.getValue());
      entries.add(entry(file.getKey(), file.getValue()));
    }
    write(manifest(MODEL, VERSION, entries));
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static Manifest.FileEntry entry(String name, byte[] bytes) {
    return new Manifest.FileEntry(name, ArtifactStore.sha256(bytes), bytes.length);
  }

  static Manifest manifest(String model, String version, List<Manifest.FileEntry> files) {
    Manifest.Histogram histogram =
        new Manifest.Histogram(List.of(0.0, 50.0), List.of(1L, 20L, 3L), 2);
    return new Manifest(
        model,
        version,
        files,
        List.of(
            new Manifest.Feature("age", Manifest.FeatureType.integer, 0, 120, false, histogram),
            new Manifest.Feature("income", Manifest.FeatureType.number, -5.5, 1e9, true, null)),
        histogram,
        0.65,
        new Manifest.Slo(0.995, 750),
        new Manifest.Provenance("abc123", "77f3", 21_032, "sha256:0", "trainer 1", 42));
  }

  Manifest manifest() throws IOException {
    return Manifest.parse(Files.readAllBytes(folder.resolve("manifest.json")));
  }

  void write(Manifest manifest) throws IOException {
    Files.write(folder.resolve("manifest.json"), manifest.toJson());
    sign(KEY);
  }

  /** Signs every plain file of the folder as it is. */
  void sign(SigningKey.Pair key) throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!file.endsWith(ModelSignature.FILE)) {
          digests.put(
              file.getFileName().toString(), ArtifactStore.sha256(Files.readAllBytes(file)));
        }
      }
    }
    Files.write(
        folder.resolve(ModelSignature.FILE),
        ModelSignature.sign(VERSION, digests, key.signing(), List.of(key.verifying())));
  }

  static ArtifactStore store(Path root) {
    return ArtifactStore.trusting(root, () -> TRUST, InstantSource.fixed(NOW));
  }

  /** Writes a file and names it in the manifest as it is. */
  void add(String name, byte[] bytes) throws IOException {
    Files.write(folder.resolve(name), bytes);
    List<Manifest.FileEntry> entries = new ArrayList<>(manifest().files());
    entries.removeIf(e -> e.name().equals(name));
    entries.add(entry(name, bytes));
    write(manifest(MODEL, VERSION, entries));
  }

  VerifiedArtifact load() {
    return store(root).load(MODEL, VERSION);
  }
}
