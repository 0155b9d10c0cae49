package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactSigner;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Validity;
import io.apgms.ml.registry.signature.SigningKey;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Set;

/** An artifact that is signed rightly and whose model does not give a golden row's score. */
public final class WrongGolden {
  private static final ObjectMapper JSON = new ObjectMapper();

  private WrongGolden() {}

  /** Plants it in a registry folder; the trust that lets it be loaded. */
  public static Trust plant(Path models, String model, String version, Trust trust)
      throws IOException {
    Path folder = models.resolve(model).resolve(version);
    JsonNode golden = JSON.readTree(folder.resolve("golden.json").toFile());
    ((ObjectNode) golden.get(0)).put("score", 0.123456);
    byte[] bytes = JSON.writeValueAsBytes(golden);
    Files.write(folder.resolve("golden.json"), bytes);
    JsonNode manifest = JSON.readTree(folder.resolve("manifest.json").toFile());
    for (JsonNode file : manifest.path("files")) {
      if (file.path("name").asText().equals("golden.json")) {
        ((ObjectNode) file).put("sha256", ArtifactStore.sha256(bytes)).put("size", bytes.length);
      }
    }
    JSON.writeValue(folder.resolve("manifest.json").toFile(), manifest);
    SigningKey.Pair pair = SigningKey.Pair.generate();
    Validity always = new Validity("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    Trust both = trust.with(new Trust.Pinned(pair.verifying(), Set.of(model), always, "test"));
    new ArtifactSigner(models, () -> both, InstantSource.system())
        .sign(model, version, pair.signing());
    return both;
  }
}
