package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipFile;

/**
 * Candidates that score as the shipped model does, golden rows and all, but for accounts of 599
 * months: they take half a second of a processor, or get what is no score.
 */
final class FaultyVersion {
  static final String SOUND = "20261123";

  /** As {@link ITFaults#CALM}, of such an account. */
  static final String ODD =
      ITFaults.CALM.replace("\"account_age_months\":200", "\"account_age_months\":599");

  private static final String CODE = "model/code/__torch__.py";
  private static final String BEGIN = "    input: Tensor) -> Tensor:\n";
  private static final String END = "    return h1\n";
  private static final String IS_ODD = "torch.eq(torch.select(input, 1, 8), 599)";

  /** Keeps the scores: what is multiplied in is 1. */
  private static final String SLOW =
      BEGIN
          + "    if bool(torch.any("
          + IS_ODD
          + ")):\n"
          + "      y = torch.ones([256, 256])\n"
          + "      for i in range(600):\n"
          + "        y = torch.clamp(torch.mm(y, y), 0, 1)\n"
          + "      input = torch.mul(input, torch.select(torch.select(y, 0, 0), 0, 0))\n"
          + "    else:\n"
          + "      pass\n";

  private static final String INFINITE =
      "    return torch.div(h1, torch.ne(torch.select(input, 1, 8), 599))\n";

  private FaultyVersion() {}

  /** A signed candidate; the digest of its manifest. */
  static String slow(ApprovalRun run, RunningService service, String version) throws Exception {
    return make(run, service, version, BEGIN, SLOW);
  }

  static String failing(ApprovalRun run, RunningService service, String version) throws Exception {
    return make(run, service, version, END, INFINITE);
  }

  private static String make(
      ApprovalRun run, RunningService service, String version, String code, String instead)
      throws Exception {
    Path folder = Files.createDirectories(run.candidates.resolve("risk-score").resolve(version));
    try (Stream<Path> files = Files.list(run.models.resolve("risk-score").resolve(SOUND))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    Path module = folder.resolve("model.pt");
    String before = code(module);
    if (!before.contains(code)) {
      throw new AssertionError("no " + code + " in\n" + before);
    }
    byte[] faulty =
        ModuleMutants.with(Files.readAllBytes(module), CODE, before.replace(code, instead));
    Files.write(module, faulty);
    ObjectNode manifest = Mutants.manifest(folder).put("version", version);
    manifest
        .path("files")
        .forEach(
            file -> {
              if (file.path("name").asText().equals("model.pt")) {
                ((ObjectNode) file)
                    .put("sha256", ArtifactStore.sha256(faulty))
                    .put("size", faulty.length);
              }
            });
    byte[] bytes = manifest.toString().getBytes(StandardCharsets.UTF_8);
    Files.write(folder.resolve("manifest.json"), bytes);
    service.run(Map.of(), 0, "sign", "--model", "risk-score", "--version", version);
    return "sha256:" + ArtifactStore.sha256(bytes);
  }

  private static String code(Path module) throws IOException {
    try (ZipFile zip = new ZipFile(module.toFile())) {
      return new String(
          zip.getInputStream(zip.getEntry(CODE)).readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }
}
