package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.Validity;
import io.apgms.ml.registry.signature.Trust;
import io.apgms.ml.registry.signature.TrustFile;
import io.apgms.ml.registry.signature.VerifyingKey;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Who may sign which model: the trust file, from a shell. */
@Command(
    name = "keys",
    description = {
      "Keys that may sign models, and what is revoked: conf/trust.json, or ML_TRUST_FILE.",
      "Every replica reads the file anew at each load, and every five seconds for what it serves."
    },
    subcommands = {
      KeysCommand.Make.class,
      KeysCommand.Pin.class,
      KeysCommand.Unpin.class,
      KeysCommand.Revoke.class,
      KeysCommand.ListThem.class
    })
final class KeysCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return Failure.USAGE;
  }

  @Command(
      name = "new",
      mixinStandardHelpOptions = true,
      description = "Make a key pair: NAME.pem, for its owner's eyes only, and NAME.pub.pem.",
      footer = {"", "Example:", "  bin/ml-service keys new --out release.pem"})
  static final class Make implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(names = "--out", required = true, description = "file of the private key, a new one")
    private Path out = Path.of("");

    @Override
    public Integer call() throws IOException {
      VerifyingKey key = KeyFiles.make(out);
      spec.commandLine()
          .getOut()
          .printf(
              "%s%nnext: bin/ml-service keys pin --public %s --model M --comment 'whose'%n",
              key.id(), KeyFiles.publicBeside(out));
      return 0;
    }
  }

  @Command(
      name = "pin",
      mixinStandardHelpOptions = true,
      description = "Let a key sign models for a time; pinning it again replaces what was there.",
      footer = {
        "",
        "Example:",
        "  bin/ml-service keys pin --public release.pub.pem --model risk-score --days 365 \\",
        "      --comment 'release 2027'"
      })
  static final class Pin implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(names = "--public", required = true, description = "public key, PEM")
    private Path publicKey = Path.of("");

    @Option(names = "--model", required = true, split = ",", description = "model id, repeatable")
    private Set<String> models = Set.of();

    @Option(names = "--days", description = "from today on (default: ${DEFAULT-VALUE})")
    private int days = 730;

    @Option(names = "--comment", required = true, description = "whose key it is")
    private String comment = "";

    @Override
    public Integer call() throws IOException {
      if (days < 1 || days > 36_500) {
        throw new Failure(Failure.USAGE, "--days is " + days + ", expected from 1 to 36500");
      }
      Validity validity = Validity.ofDays(Instant.now(), days);
      VerifyingKey key = KeyFiles.verifying(publicKey);
      trust().change(t -> t.with(new Trust.Pinned(key, models, validity, comment)));
      spec.commandLine().getOut().printf("%s may sign %s %s%n", key.id(), models, validity);
      return 0;
    }
  }

  @Command(
      name = "unpin",
      mixinStandardHelpOptions = true,
      description = "Forget a key that nothing is signed with any more; one that was lost: revoke.",
      footer = {"", "Example:", "  bin/ml-service keys unpin --key sha256:…"})
  static final class Unpin implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(names = "--key", required = true, description = "id of the key, sha256:…")
    private String key = "";

    @Override
    public Integer call() throws IOException {
      trust().change(t -> t.without(key));
      spec.commandLine().getOut().println("unpinned");
      return 0;
    }
  }

  @Command(
      name = "revoke",
      mixinStandardHelpOptions = true,
      description = {
        "Stop trusting a key, a version or a manifest's digest, whoever signed it.",
        "A replica that serves it stops within seconds and is not ready: roll back first."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service keys revoke --key sha256:… --reason 'lost laptop'",
        "  bin/ml-service keys revoke --model risk-score --version 20261101 --reason 'bad rows'"
      })
  static final class Revoke implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(names = "--key", description = "id of a key, sha256:…")
    private @Nullable String key;

    @Option(names = "--digest", description = "digest of a manifest, sha256:…")
    private @Nullable String digest;

    @Option(names = "--model", description = "model id, with --version")
    private @Nullable String model;

    @Option(names = "--version", description = "version, with --model")
    private @Nullable String version;

    @Option(names = "--reason", required = true, description = "told to who asks for it")
    private String reason = "";

    @Override
    public Integer call() throws IOException {
      Trust.Revoked entry = entry();
      trust().change(t -> t.with(entry));
      spec.commandLine().getOut().println("revoked");
      return 0;
    }

    private Trust.Revoked entry() {
      boolean named = model != null && version != null;
      int given = (key == null ? 0 : 1) + (digest == null ? 0 : 1) + (named ? 1 : 0);
      if (given != 1 || named != (model != null || version != null)) {
        throw new Failure(
            Failure.USAGE, "expected one of --key, --digest, or --model with --version");
      }
      if (key != null) {
        return Trust.Revoked.key(key, reason);
      }
      return digest != null
          ? Trust.Revoked.digest(digest, reason)
          : Trust.Revoked.version(String.valueOf(model), String.valueOf(version), reason);
    }
  }

  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "List the pinned keys and what is revoked.")
  static final class ListThem implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Override
    public Integer call() {
      PrintWriter out = spec.commandLine().getOut();
      Trust trust = trust().get();
      for (Trust.Pinned p : trust.keys()) {
        out.printf("pinned  %s %s %s %s%n", p.key().id(), p.models(), p.validity(), p.comment());
      }
      for (Trust.Revoked r : trust.revoked()) {
        String what = r.key() != null ? "key " + r.key() : r.digest();
        out.printf(
            "revoked %s %s%n", what == null ? r.model() + "/" + r.version() : what, r.reason());
      }
      return 0;
    }
  }

  private static TrustFile trust() {
    return Artifacts.trust(Settings.read(MlService.home(), System.getenv()));
  }
}
