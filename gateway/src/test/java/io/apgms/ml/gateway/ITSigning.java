package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys and signatures from a shell, over a copy of the registry. */
class ITSigning {
  @TempDir Path dir;
  private final Map<String, String> settings = new HashMap<>();
  private Path candidate = Path.of("");

  @BeforeEach
  void copyTheRegistry() throws IOException {
    copy(RunningService.HOME.resolve("artifacts/models"), dir.resolve("models"));
    candidate = dir.resolve("candidates/risk-score/20261123");
    copy(dir.resolve("models/risk-score/20261123"), candidate);
    Files.copy(RunningService.HOME.resolve("conf/trust.json"), dir.resolve("trust.json"));
    settings.put("ML_REGISTRY_DIR", dir.resolve("models").toString());
    settings.put("ML_TRUST_FILE", dir.resolve("trust.json").toString());
    settings.put("ML_DATA_DIR", dir.resolve("data").toString());
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to.getParent());
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  private String run(int exit, String... arguments) throws Exception {
    return RunningService.launcher(settings, exit, arguments);
  }

  private String verifyCandidates(int exit) throws Exception {
    Map<String, String> candidates = new HashMap<>(settings);
    candidates.put("ML_REGISTRY_DIR", dir.resolve("candidates").toString());
    return RunningService.launcher(candidates, exit, "verify", "--gate", "integrity");
  }

  @Test
  void key_madePinnedRotatedAndRevoked_signsUntilThen() throws Exception {
    Path first = dir.resolve("first.pem");
    run(0, "keys", "new", "--out", first.toString());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(first)))
        .isEqualTo("rw-------");
    assertThat(run(1, "keys", "new", "--out", first.toString())).contains("is there already");
    assertThat(sign(1, first)).contains("belongs to none of", "pinned");

    String firstId = pin(first);
    assertThat(sign(0, first)).contains("signed by " + firstId);
    assertThat(verifyCandidates(0)).contains("pass", firstId);

    Path second = dir.resolve("second.pem");
    run(0, "keys", "new", "--out", second.toString());
    String secondId = pin(second);
    assertThat(verifyCandidates(0)).as("two keys live").contains(firstId);
    sign(0, second);
    assertThat(verifyCandidates(0)).contains(secondId);

    run(0, "keys", "revoke", "--key", secondId, "--reason", "lost laptop");
    assertThat(verifyCandidates(1)).contains("fail", secondId, "revoked: lost laptop");
    assertThat(sign(1, second)).contains("revoked: lost laptop");
    sign(0, first);
    assertThat(verifyCandidates(0)).contains(firstId);
    assertThat(run(0, "verify", "--gate", "integrity"))
        .as("the shipped ones")
        .doesNotContain("fail");

    run(0, "keys", "revoke", "--model", "risk-score", "--version", "20261123", "--reason", "bad");
    assertThat(verifyCandidates(1)).contains("risk-score/20261123 is revoked: bad");
    assertThat(run(0, "keys", "list"))
        .contains(firstId, secondId, "lost laptop", "risk-score/20261123 bad");
    assertThat(run(2, "keys", "revoke", "--model", "risk-score", "--reason", "x"))
        .contains("expected one of");
  }

  private String pin(Path key) throws Exception {
    String publicKey = key.toString().replace(".pem", ".pub.pem");
    String pinned =
        run(0, "keys", "pin", "--public", publicKey, "--model", "risk-score", "--comment", "ann");
    return pinned.substring(0, pinned.indexOf(' '));
  }

  private String sign(int exit, Path key) throws Exception {
    return run(
        exit, "sign", "--model", "risk-score", "--version", "20261123", "--key", key.toString());
  }

  @Test
  void developmentKey_madeOnFirstUse_countsInDevelopmentAlone() throws Exception {
    assertThat(run(0, "sign", "--model", "risk-score", "--version", "20261123"))
        .contains("made the development signing key", "EVERY model", "signed by");
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(dir.resolve("data/keys/development.pem"))))
        .isEqualTo("rw-------");
    assertThat(verifyCandidates(0)).contains("pass");
    assertThat(run(0, "sign", "--model", "risk-score", "--version", "20261123"))
        .doesNotContain("made");

    settings.put("ML_AUTH", "jwt");
    settings.put("ML_JWT_ISSUER", "https://issuer.example");
    settings.put("ML_JWT_AUDIENCE", "ml-service");
    assertThat(verifyCandidates(1)).contains("fail", "expected one of");
    assertThat(run(2, "sign", "--model", "risk-score", "--version", "20261123"))
        .contains("--key is missing");
  }

  @Test
  void sign_candidateAltered_isRefusedAndLeftAsItWas() throws Exception {
    byte[] before = Files.readAllBytes(candidate.resolve("model.sig"));
    Files.writeString(candidate.resolve("report.md"), "altered");
    assertThat(run(1, "sign", "--model", "risk-score", "--version", "20261123"))
        .contains("report.md has");
    assertThat(Files.readAllBytes(candidate.resolve("model.sig"))).isEqualTo(before);
  }

  @Test
  void start_trustFileNotAsItMustBe_isRefused() throws Exception {
    for (String bad : new String[] {"", "{}", "{\"keys\":[],\"revoked\":{},\"x\":1}"}) {
      Files.writeString(dir.resolve("trust.json"), bad);
      assertThat(run(2, "verify", "--gate", "integrity")).contains("ML_TRUST_FILE", "trust");
    }
    Files.delete(dir.resolve("trust.json"));
    assertThat(run(2, "verify", "--gate", "integrity")).contains("cannot be read");
  }
}
