package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/**
 * A candidate that is right in everything but its scores: each is one less the shipped version's.
 */
final class InvertedVersion {
  private static final String CODE = "model/code/__torch__.py";
  private static final ObjectMapper JSON = new ObjectMapper();

  private InvertedVersion() {}

  /** Writes it, unsigned. */
  static void write(Path candidates, String version) throws IOException {
    Path shipped = RunningService.HOME.resolve("artifacts/models/risk-score/20261123");
    Path folder = Files.createDirectories(candidates.resolve("risk-score").resolve(version));
    ObjectNode manifest = (ObjectNode) JSON.readTree(shipped.resolve("manifest.json").toFile());
    manifest.put("version", version);
    byte[] module = Files.readAllBytes(shipped.resolve("model.pt"));
    byte[] inverted = ModuleMutants.with(module, CODE, negated(module));
    for (JsonNode file : manifest.path("files")) {
      String name = file.path("name").asText();
      byte[] bytes = Files.readAllBytes(shipped.resolve(name));
      if (name.equals("model.pt")) {
        bytes = inverted;
      } else if (name.equals("golden.json")) {
        bytes = golden(bytes);
      } else if (name.endsWith(".json")) { // reports name the module that they are of
        String of = ArtifactStore.sha256(module);
        bytes =
            new String(bytes, StandardCharsets.UTF_8)
                .replace(of, ArtifactStore.sha256(inverted))
                .getBytes(StandardCharsets.UTF_8);
      }
      Files.write(folder.resolve(name), bytes);
      ((ObjectNode) file).put("sha256", ArtifactStore.sha256(bytes)).put("size", bytes.length);
    }
    Files.write(folder.resolve("manifest.json"), JSON.writeValueAsBytes(manifest));
  }

  /** sigmoid(-x) is 1 - sigmoid(x). */
  private static String negated(byte[] module) throws IOException {
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(module))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        if (entry.getName().equals(CODE)) {
          String code = new String(in.readAllBytes(), StandardCharsets.UTF_8);
          String negated =
              code.replace(
                  "torch.sigmoid_(torch.addmv(self.bias1, h0, self.weight1))",
                  "torch.sigmoid_(torch.neg(torch.addmv(self.bias1, h0, self.weight1)))");
          if (!negated.equals(code)) {
            return negated;
          }
        }
      }
    }
    throw new AssertionError("the shipped module has another last line, in " + CODE);
  }

  private static byte[] golden(byte[] rows) throws IOException {
    JsonNode golden = JSON.readTree(rows);
    for (JsonNode row : golden) {
      ((ObjectNode) row).put("score", 1 - row.path("score").asDouble());
    }
    return JSON.writeValueAsBytes(golden);
  }
}
