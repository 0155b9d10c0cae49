package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.signature.ModelSignature;
import io.apgms.ml.registry.signature.SigningKey;
import io.apgms.ml.registry.signature.VerifyingKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Signatures go both ways between this project and the Python tool of the OpenSSF. */
class ITModelSigning {
  private static final Path SHIPPED =
      RunningService.HOME.resolve("artifacts/models/risk-score/20261123");
  private static String python = "";

  @TempDir Path dir;
  private Path folder = Path.of("");

  private record Ran(int exit, String output) {}

  @BeforeAll
  static void installTheTool() throws Exception {
    Ran ran =
        run(
            RunningService.HOME.resolve("tools/install-python.sh").toString(),
            "model-signing",
            "model-signing==1.1.1",
            "pyopenssl==26.4.0");
    assertThat(ran.exit).as(ran.output).isZero();
    List<String> lines = ran.output.strip().lines().toList();
    python = lines.get(lines.size() - 1);
  }

  @BeforeEach
  void copyAnArtifact() throws IOException {
    folder = Files.createDirectory(dir.resolve("20261123"));
    try (Stream<Path> files = Files.list(SHIPPED)) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    Files.deleteIfExists(folder.resolve(ModelSignature.FILE));
  }

  private static Ran run(String... words) throws Exception {
    Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    return new Ran(process.exitValue(), out);
  }

  private Ran tool(String command, String keyOption, Path key) throws Exception {
    return run(
        python,
        "-m",
        "model_signing",
        command,
        "key",
        folder.toString(),
        "--signature",
        folder.resolve(ModelSignature.FILE).toString(),
        keyOption,
        key.toString());
  }

  private SortedMap<String, String> digests() throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (!file.endsWith(ModelSignature.FILE)) {
          digests.put(
              file.getFileName().toString(), ArtifactStore.sha256(Files.readAllBytes(file)));
        }
      }
    }
    return digests;
  }

  @Test
  void pythonTool_verifiesOurs_andRefusesWhatWasAlteredSince() throws Exception {
    SigningKey.Pair pair = SigningKey.Pair.generate();
    Path key = Files.writeString(dir.resolve("key.pub.pem"), pair.verifying().pem());
    Files.write(
        folder.resolve(ModelSignature.FILE),
        ModelSignature.sign("20261123", digests(), pair.signing(), List.of(pair.verifying())));

    Ran verified = tool("verify", "--public_key", key);
    assertThat(verified.exit).as(verified.output).isZero();

    Path report = folder.resolve("report.md");
    byte[] good = Files.readAllBytes(report);
    Files.writeString(report, "altered");
    assertThat(tool("verify", "--public_key", key).exit).as("an altered file").isNotZero();
    Files.write(report, good);
    assertThat(tool("verify", "--public_key", key).exit).isZero();
    Files.writeString(folder.resolve("extra"), "x");
    assertThat(tool("verify", "--public_key", key).exit).as("an extra file").isNotZero();
    Files.delete(folder.resolve("extra"));
    Path other =
        Files.writeString(dir.resolve("other.pem"), SigningKey.Pair.generate().verifying().pem());
    assertThat(tool("verify", "--public_key", other).exit).as("another key").isNotZero();
  }

  @Test
  void pythonTool_signs_andWeAccept() throws Exception {
    for (String curve : List.of("prime256v1", "secp384r1")) {
      Path key = opensslKey(curve);
      Path publicKey = dir.resolve(curve + ".pub.pem");
      assertThat(
              run("openssl", "pkey", "-in", key.toString(), "-pubout", "-out", publicKey.toString())
                  .exit)
          .isZero();
      Ran signed = tool("sign", "--private_key", key);
      assertThat(signed.exit).as(signed.output).isZero();

      VerifyingKey pinned = VerifyingKey.parse(Files.readString(publicKey));
      byte[] modelSig = Files.readAllBytes(folder.resolve(ModelSignature.FILE));
      assertThat(ModelSignature.verify(modelSig, List.of(pinned)).digests()).isEqualTo(digests());

      Files.writeString(folder.resolve("report.md"), "altered after " + curve);
      assertThat(ModelSignature.verify(modelSig, List.of(pinned)).digests())
          .isNotEqualTo(digests());
    }
  }

  @Test
  void keys_madeByOpenSsl_signHere() throws Exception {
    Path key = opensslKey("prime256v1");
    SigningKey signing = SigningKey.parse(Files.readString(key));
    Ran pub = run("openssl", "pkey", "-in", key.toString(), "-pubout");
    VerifyingKey verifying = VerifyingKey.parse(pub.output);
    byte[] modelSig = ModelSignature.sign("v", digests(), signing, List.of(verifying));
    assertThat(ModelSignature.verify(modelSig, List.of(verifying)).signer().id())
        .isEqualTo(verifying.id());
  }

  /** The tool takes wider curves than the two that this project pins keys of. */
  @Test
  void pythonTool_signsOverP521_andItsKeyCannotBePinned() throws Exception {
    Path key = opensslKey("secp521r1");
    assertThat(tool("sign", "--private_key", key).exit).isZero();
    Ran pub = run("openssl", "pkey", "-in", key.toString(), "-pubout");
    assertThatThrownBy(() -> VerifyingKey.parse(pub.output))
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageContaining("expected P-256 or P-384");
  }

  private Path opensslKey(String curve) throws Exception {
    List<String> words = new ArrayList<>(List.of("openssl", "genpkey", "-algorithm", "EC"));
    Path key = dir.resolve(curve + ".pem");
    words.addAll(List.of("-pkeyopt", "ec_paramgen_curve:" + curve, "-out", key.toString()));
    Ran made = run(words.toArray(new String[0]));
    assertThat(made.exit).as(made.output).isZero();
    return key;
  }
}
