package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Validity;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * What the mutants are made with: a folder that verifies, keys of all kinds, changes that sign
 * anew.
 */
final class Mutants {
  static final String MODEL = "risk-score";

  static final String VERSION = "20261123";

  static final Path SHIPPED = RunningService.HOME.resolve("artifacts/models").resolve(MODEL);

  static final Validity NOW = new Validity("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z");

  static final ObjectMapper JSON = new ObjectMapper();

  static Forge ours;

  static Forge wide;

  static Forge otherModels;

  static Forge expired;

  static Forge early;

  static Forge revoked;

  static Forge nobodys;

  interface Change {
    void on(Path folder) throws Exception;
  }

  private Mutants() {}

  /** A key of each kind, and who is trusted with them. */
  static void makeKeys(Path trustFile) throws Exception {
    ours = Forge.of("secp256r1");
    wide = Forge.of("secp384r1");
    otherModels = Forge.of("secp256r1");
    expired = Forge.of("secp256r1");
    early = Forge.of("secp256r1");
    revoked = Forge.of("secp256r1");
    nobodys = Forge.of("secp256r1");
    Set<String> here = Set.of(MODEL);
    Validity past = new Validity("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    Validity future = new Validity("2998-01-01T00:00:00Z", "2999-01-01T00:00:00Z");
    Trust trust =
        new Trust(
                List.of(
                    new Trust.Pinned(ours.key(), here, NOW, ""),
                    new Trust.Pinned(wide.key(), here, NOW, ""),
                    new Trust.Pinned(otherModels.key(), Set.of("credit-default"), NOW, ""),
                    new Trust.Pinned(expired.key(), here, past, ""),
                    new Trust.Pinned(early.key(), here, future, ""),
                    new Trust.Pinned(revoked.key(), here, NOW, "")),
                List.of())
            .with(Trust.Revoked.key(revoked.key().id(), "lost"))
            .with(Trust.Revoked.version(MODEL, "20261116", "replaced"));
    Files.write(trustFile, trust.toJson());
  }

  /** A folder of the shipped files, signed by our key. */
  static Path artifact(Path root, String version) throws Exception {
    Path folder = Files.createDirectories(root.resolve(MODEL).resolve(version));
    try (Stream<Path> files = Files.list(SHIPPED.resolve(version))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    sign(folder, ours);
    return folder;
  }

  static void sign(Path folder, Forge key) throws Exception {
    sign(folder, key, statement -> {});
  }

  static void sign(Path folder, Forge key, Consumer<ObjectNode> change) throws Exception {
    ObjectNode statement = Forge.statement(Forge.digests(folder));
    change.accept(statement);
    write(folder, key.bundle(statement.toString()));
  }

  static void write(Path folder, String bundle) throws IOException {
    Files.writeString(folder.resolve("model.sig"), bundle);
  }

  static Change bundle(String from, String to) {
    return folder -> {
      String before = Files.readString(folder.resolve("model.sig"));
      assertThat(before).contains(from);
      write(folder, before.replace(from, to));
    };
  }

  static Change statement(Consumer<ObjectNode> change) {
    return folder -> sign(folder, ours, change);
  }

  static Change statementText(UnaryOperator<String> change) {
    return folder -> {
      String payload = Forge.statement(Forge.digests(folder)).toString();
      String changed = change.apply(payload);
      assertThat(changed).isNotEqualTo(payload);
      write(folder, ours.bundle(changed));
    };
  }

  /** The manifest changed and everything signed anew by the pinned key. */
  static Change manifest(Consumer<ObjectNode> change) {
    return folder -> {
      ObjectNode manifest = manifest(folder);
      change.accept(manifest);
      Files.writeString(folder.resolve("manifest.json"), manifest.toString());
      sign(folder, ours);
    };
  }

  static ObjectNode manifest(Path folder) throws IOException {
    return (ObjectNode) JSON.readTree(folder.resolve("manifest.json").toFile());
  }

  static Change manifestText(String from, String to) {
    return folder -> {
      String before = Files.readString(folder.resolve("manifest.json"));
      String after = before.replaceFirst(from, to);
      assertThat(after).isNotEqualTo(before);
      Files.writeString(folder.resolve("manifest.json"), after);
      sign(folder, ours);
    };
  }

  /** A file written, named in the manifest as it is, and everything signed anew. */
  static void put(Path folder, String name, byte[] bytes) throws Exception {
    Files.write(folder.resolve(name), bytes);
    ObjectNode manifest = manifest(folder);
    ArrayNode files = (ArrayNode) manifest.path("files");
    for (int i = files.size() - 1; i >= 0; i--) {
      if (files.get(i).path("name").asText().equals(name)) {
        files.remove(i);
      }
    }
    files
        .addObject()
        .put("name", name)
        .put("sha256", ArtifactStore.sha256(bytes))
        .put("size", bytes.length);
    Files.writeString(folder.resolve("manifest.json"), manifest.toString());
    sign(folder, ours);
  }

  static ObjectNode serialization(ObjectNode statement) {
    return (ObjectNode) statement.at("/predicate/serialization");
  }

  static ArrayNode resources(ObjectNode statement) {
    return (ArrayNode) statement.at("/predicate/resources");
  }

  static ObjectNode subject(ObjectNode statement) {
    return (ObjectNode) statement.at("/subject/0");
  }

  static String run(String... words) throws Exception {
    Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    return out;
  }
}
