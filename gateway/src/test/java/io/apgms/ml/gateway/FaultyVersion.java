package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
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
          + "      for i in range(800):\n"
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
    byte[] sound = Files.readAllBytes(module);
    byte[] faulty = ModuleMutants.with(sound, CODE, before.replace(code, instead));
    Files.write(module, faulty);
    for (String report : new String[] {"bias_report.json", "training_run.json"}) {
      Path file = folder.resolve(report);
      String text = Files.readString(file);
      Files.writeString(
          file, text.replace(ArtifactStore.sha256(sound), ArtifactStore.sha256(faulty)));
    }
    byte[] bytes = manifest(folder, version).toString().getBytes(StandardCharsets.UTF_8);
    Files.write(folder.resolve("manifest.json"), bytes);
    service.run(Map.of(), 0, "sign", "--model", "risk-score", "--version", version);
    return "sha256:" + ArtifactStore.sha256(bytes);
  }

  /** Of the files as they are now. */
  private static ObjectNode manifest(Path folder, String version) throws IOException {
    ObjectNode manifest = Mutants.manifest(folder).put("version", version);
    for (JsonNode file : manifest.path("files")) {
      byte[] bytes = Files.readAllBytes(folder.resolve(file.path("name").asText()));
      ((ObjectNode) file).put("sha256", ArtifactStore.sha256(bytes)).put("size", bytes.length);
    }
    return manifest;
  }

  private static String code(Path module) throws IOException {
    try (ZipFile zip = new ZipFile(module.toFile())) {
      return new String(
          zip.getInputStream(zip.getEntry(CODE)).readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }
}
