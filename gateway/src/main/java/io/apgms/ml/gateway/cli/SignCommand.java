package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactSigner;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.signature.SigningKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "sign",
    description = {
      "Sign a packaged candidate: model.sig, an OpenSSF model-signing v1 bundle over every file.",
      "The key's public half must be pinned for the model (see keys). Without --key, and only",
      "where ML_AUTH is dev, a development key of ML_DATA_DIR signs; it is made on first use."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service sign --model risk-score --version 20261125 --key release.pem",
      "  bin/ml-service sign --model risk-score --version 20261125"
    })
final class SignCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--model", required = true, description = "model id")
  private String model = "";

  @Option(names = "--version", required = true, description = "version")
  private String version = "";

  @Option(names = "--key", description = "private key, PEM (PKCS #8), ECDSA P-256 or P-384")
  private @Nullable Path key;

  @Option(
      names = "--published",
      description = "sign the version in the registry anew instead of the candidate")
  private boolean published;

  @Override
  public Integer call() throws IOException {
    Settings settings = Settings.read(MlService.home(), System.getenv());
    SigningKey signing = key == null ? development(settings) : KeyFiles.signing(key);
    Path root = published ? settings.registry().dir() : Artifacts.candidates(settings);
    VerifiedArtifact signed =
        new ArtifactSigner(root, Artifacts.trust(settings), InstantSource.system())
            .sign(model, version, signing);
    spec.commandLine().getOut().printf("%s %s signed by %s%n", model, version, signed.signer());
    return 0;
  }

  private SigningKey development(Settings settings) throws IOException {
    if (!settings.auth().dev()) {
      throw new Failure(Failure.USAGE, "--key is missing, expected one where auth.mode is jwt");
    }
    Path publicKey = Artifacts.developmentKey(settings);
    Path privateKey = publicKey.resolveSibling("development.pem");
    if (!Files.exists(privateKey)) {
      spec.commandLine()
          .getErr()
          .printf(
              "ml-service: made the development signing key %s.%n"
                  + "ml-service: while ML_AUTH is dev, this data folder trusts it for EVERY model.%n",
              KeyFiles.make(privateKey).id());
    }
    return KeyFiles.signing(privateKey);
  }
}
