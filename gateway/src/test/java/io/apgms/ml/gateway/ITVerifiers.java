package io.apgms.ml.gateway;

import static io.apgms.ml.gateway.Mutants.MODEL;
import static io.apgms.ml.gateway.Mutants.VERSION;
import static io.apgms.ml.gateway.Mutants.artifact;
import static io.apgms.ml.gateway.Mutants.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.Mutants.Change;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.signature.TrustFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The two verifiers, in Java and in Node, say the same of every folder: intact ones pass both, and
 * each of the altered, forged and odd ones is refused by both with a reason.
 */
class ITVerifiers {
  @TempDir static Path dir;

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final int FLIPS = 1_000;

  private record Verdict(boolean pass, String reason) {}

  @BeforeAll
  static void makeKeys() throws Exception {
    Mutants.makeKeys(dir.resolve("trust.json"));
  }

  private static Verdict java(Path root) {
    TrustFile trust = new TrustFile(dir.resolve("trust.json"), null);
    try {
      return new Verdict(
          true,
          ArtifactStore.trusting(root, trust, InstantSource.system())
              .load(MODEL, VERSION)
              .digest());
    } catch (RegistryException e) {
      return new Verdict(false, String.valueOf(e.getMessage()));
    }
  }

  /** One process for all. */
  private static Map<String, Verdict> node(List<Path> roots) throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of(
                "node",
                RunningService.HOME.resolve("tools/ci/verify-model-artifacts.mjs").toString(),
                "--json",
                "--trust",
                dir.resolve("trust.json").toString()));
    roots.forEach(root -> words.add(root.toString()));
    Map<String, Verdict> verdicts = new HashMap<>();
    for (String line : run(words.toArray(new String[0])).lines().toList()) {
      JsonNode said = JSON.readTree(line);
      Verdict verdict =
          new Verdict(said.path("outcome").asText().equals("pass"), said.path("detail").asText());
      assertThat(verdicts.put(said.path("registry").asText(), verdict)).as(line).isNull();
    }
    return verdicts;
  }

  private static void assertAgreement(boolean good, Map<String, Change> changes) throws Exception {
    Map<String, Path> roots = new LinkedHashMap<>();
    for (Map.Entry<String, Change> entry : changes.entrySet()) {
      Path root = Files.createTempDirectory(dir, "case");
      roots.put(entry.getKey(), root);
      entry.getValue().on(artifact(root, VERSION));
    }
    Map<String, Verdict> node = node(List.copyOf(roots.values()));
    roots.forEach(
        (name, root) -> {
          Verdict java = java(root);
          Verdict other = node.get(root.toString());
          assertThat(other).as(name).isNotNull();
          assertThat(java.pass).as("Java on %s: %s", name, java).isEqualTo(good);
          assertThat(other.pass).as("Node on %s: %s", name, other).isEqualTo(good);
          assertThat(java.reason).as(name).isNotBlank();
          assertThat(other.reason).as(name).isNotBlank().doesNotContain("undefined");
        });
  }

  private static void assertAllRefused(Map<String, Change> bad, int atLeast) throws Exception {
    assertThat(bad).hasSizeGreaterThanOrEqualTo(atLeast);
    assertAgreement(false, bad);
  }

  @Test
  void good_ofEveryKind_passBoth() throws Exception {
    assertAgreement(true, BundleMutants.good());
    assertAgreement(true, ModuleMutants.good());
  }

  @Test
  void folders_thatAreNotAsSigned_areRefusedByBoth() throws Exception {
    assertAllRefused(FolderMutants.folders(), 25);
  }

  @Test
  void keys_thatMayNotSign_areRefusedByBoth() throws Exception {
    assertAllRefused(FolderMutants.keys(), 10);
  }

  @Test
  void bundles_inAnotherSpelling_areRefusedByBoth() throws Exception {
    assertAllRefused(BundleMutants.bad(), 20);
  }

  @Test
  void statements_thatSayMoreOrLess_areRefusedByBoth() throws Exception {
    assertAllRefused(StatementMutants.bad(), 35);
  }

  @Test
  void manifests_signedButWrong_areRefusedByBoth() throws Exception {
    assertAllRefused(ManifestMutants.bad(), 40);
  }

  @Test
  void modules_signedButAbleToDoMore_areRefusedByBoth() throws Exception {
    assertAllRefused(ModuleMutants.bad(), 15);
  }

  /** The control: who compares digests alone takes what these keys signed. */
  @Test
  void keys_thatMayNotSign_passWhereNobodyAsksForSignatures() throws Exception {
    for (Change change : FolderMutants.keys().values()) {
      Path root = Files.createTempDirectory(dir, "control");
      change.on(artifact(root, VERSION));
      try {
        ArtifactStore.withoutSignatures(root).load(MODEL, VERSION);
      } catch (RegistryException.Corrupt e) {
        assertThat(e).as("files of the other version").hasMessageContaining("20261116");
      }
    }
  }

  @Test
  void revokedVersion_isRefusedByBoth() throws Exception {
    Path root = Files.createTempDirectory(dir, "case");
    artifact(root, "20261116");
    assertThat(node(List.of(root)).get(root.toString()).reason).contains("revoked: replaced");
    TrustFile trust = new TrustFile(dir.resolve("trust.json"), null);
    ArtifactStore store = ArtifactStore.trusting(root, trust, InstantSource.system());
    assertThatThrownBy(() -> store.load(MODEL, "20261116"))
        .hasMessageContaining("revoked: replaced");
  }

  @Test
  void flips_ofThousandRandomBytes_areRefusedByBothNamingTheFile() throws Exception {
    Path good = artifact(Files.createTempDirectory(dir, "flips"), VERSION);
    List<String> names = new ArrayList<>(Forge.digests(good).keySet());
    names.add("model.sig");
    Map<Path, String> flipped = new LinkedHashMap<>();
    for (int i = 0; i < FLIPS; i++) {
      SplittableRandom random = new SplittableRandom(20261124L + i);
      Path root = dir.resolve("flip" + i);
      String name = names.get(random.nextInt(names.size()));
      Path folder = Files.createDirectories(root.resolve(MODEL).resolve(VERSION));
      for (String copied : names) {
        byte[] bytes = Files.readAllBytes(good.resolve(copied));
        if (copied.equals(name)) {
          bytes[random.nextInt(bytes.length)] ^= (byte) (1 + random.nextInt(255));
        }
        Files.write(folder.resolve(copied), bytes);
      }
      flipped.put(root, name);
    }
    Map<String, Verdict> node = node(List.copyOf(flipped.keySet()));
    flipped.forEach(
        (root, name) -> {
          Verdict java = java(root);
          Verdict other = node.get(root.toString());
          assertThat(java.pass).as("Java, %s %s: %s", root, name, java).isFalse();
          assertThat(other.pass).as("Node, %s %s: %s", root, name, other).isFalse();
          assertThat(java.reason).startsWith(name);
          assertThat(other.reason).startsWith(name);
        });
  }

  @Test
  void tool_itsExitCodes_areAsItSays() throws Exception {
    String tool = RunningService.HOME.resolve("tools/ci/verify-model-artifacts.mjs").toString();
    assertThat(exit(tool)).isZero();
    assertThat(exit(tool, "--help")).isZero();
    assertThat(exit(tool, dir.resolve("nothing").toString())).isEqualTo(1);
    String file = dir.resolve("trust.json").toString();
    assertThat(run("node", tool, file))
        .as("a file")
        .doesNotContain("node:")
        .contains("no artifact");
    assertThat(exit(tool, "--trust", dir.resolve("trust.json").toString())).isEqualTo(1);
    assertThat(exit(tool, "--unknown")).isEqualTo(2);
    assertThat(exit(tool, "--trust", dir.resolve("nothing").toString())).isEqualTo(2);
  }

  private static int exit(String... words) throws Exception {
    Process process =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return process.exitValue();
  }
}
