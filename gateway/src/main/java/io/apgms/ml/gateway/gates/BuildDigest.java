package io.apgms.ml.gateway.gates;

import io.apgms.ml.registry.ArtifactStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;

/**
 * What a jar runs as one digest, until an image has one: SHA-256 over the lines that {@code
 * sha256sum} prints of the jar and of every file on its class path, sorted by name.
 */
public final class BuildDigest {
  private BuildDigest() {}

  /** {@code sha256:…} of the jar with its libraries; a second of reading. */
  public static String of(Path jar) throws IOException {
    List<String> names = new ArrayList<>();
    names.add(String.valueOf(jar.getFileName()));
    try (JarFile file = new JarFile(jar.toFile())) {
      Manifest manifest = file.getManifest();
      String path =
          manifest == null
              ? null
              : manifest.getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
      if (path != null) {
        names.addAll(List.of(path.strip().split(" +")));
      }
    }
    names.sort(null);
    StringBuilder lines = new StringBuilder();
    for (String name : names) {
      byte[] bytes = Files.readAllBytes(jar.resolveSibling(name));
      lines.append(ArtifactStore.sha256(bytes)).append("  ").append(name).append('\n');
    }
    return "sha256:" + ArtifactStore.sha256(lines.toString().getBytes(StandardCharsets.UTF_8));
  }
}
