package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "verify",
    description = {
      "Check the artifacts of the registry: every byte against its manifest and the signature over",
      "both, by a key that is pinned for the model and not revoked.",
      "The other gates come with the registry's gates; asking for one is refused, not passed."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service verify",
      "  bin/ml-service verify --model risk-score --version 20261123 --gate integrity"
    })
final class VerifyCommand implements Callable<Integer> {
  enum Gate {
    integrity
  }

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--model", description = "only this model")
  private @Nullable String model;

  @Option(names = "--version", description = "only this version")
  private @Nullable String version;

  @Option(names = "--gate", description = "${COMPLETION-CANDIDATES}")
  private Gate gate = Gate.integrity;

  @Option(names = "--json", description = "one JSON object a line")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    ArtifactStore store = Artifacts.store(Settings.read(MlService.home(), System.getenv()));
    int failed = 0;
    int checked = 0;
    for (String m : model == null ? store.models() : List.of(model)) {
      for (String v : version == null ? store.versions(m) : List.of(version)) {
        checked++;
        failed += print(m, v, check(store, m, v)) ? 0 : 1;
      }
    }
    if (checked == 0) {
      throw new Failure(Failure.NO, "no artifact in the registry, expected at least one");
    }
    return failed == 0 ? 0 : Failure.NO;
  }

  private static Map<String, String> check(ArtifactStore store, String model, String version) {
    try {
      VerifiedArtifact artifact = store.load(model, version);
      return Map.of(
          "outcome", "pass", "detail", artifact.digest() + " signed by " + artifact.signer());
    } catch (RegistryException e) {
      return Map.of("outcome", "fail", "detail", String.valueOf(e.getMessage()));
    }
  }

  private boolean print(String model, String version, Map<String, String> result) throws Exception {
    String outcome = result.getOrDefault("outcome", "");
    String detail = result.getOrDefault("detail", "");
    if (json) {
      Map<String, String> line = new java.util.LinkedHashMap<>();
      line.put("model", model);
      line.put("version", version);
      line.put("gate", gate.name());
      line.put("outcome", outcome);
      line.put("detail", detail);
      spec.commandLine().getOut().println(new ObjectMapper().writeValueAsString(line));
    } else {
      spec.commandLine()
          .getOut()
          .printf("%-4s %s %s/%s %s%n", outcome, gate, model, version, detail);
    }
    return outcome.equals("pass");
  }
}
