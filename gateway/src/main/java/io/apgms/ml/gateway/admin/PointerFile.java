package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;

/** The pointers this replica acknowledged last, for a start while PostgreSQL is away. Blocking. */
final class PointerFile {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;

  PointerFile(Path dataDir) {
    this.file = dataDir.resolve("pointers.json");
  }

  /** What a model was told to serve. */
  record Target(String version, String digest, int revision) {}

  Map<String, Target> read() throws IOException {
    try {
      return JSON.readValue(
          Files.readAllBytes(file), new TypeReference<TreeMap<String, Target>>() {});
    } catch (NoSuchFileException e) {
      return Map.of();
    }
  }

  void write(Map<String, Target> targets) throws IOException {
    Path part = file.resolveSibling("pointers.json.part");
    Files.write(part, JSON.writeValueAsBytes(new TreeMap<>(targets)));
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
