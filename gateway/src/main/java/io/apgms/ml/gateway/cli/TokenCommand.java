package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.gateway.settings.Settings;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "token",
    description = "Mint a token from the local development issuer; prints the bare token.",
    footer = {
      "",
      "Example:",
      "  export ML_TOKEN=$(bin/ml-service token --subject ana --role oncall)"
    })
final class TokenCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--subject", required = true, description = "who acts")
  private String subject = "";

  @Option(names = "--role", required = true, split = ",", description = "role, repeatable")
  private List<String> roles = List.of();

  @Option(names = "--tenant", description = "tenant, part of the flag context")
  private @Nullable String tenant;

  @Override
  public Integer call() throws IOException {
    for (String role : roles) {
      if (!Roles.ALL.contains(role)) {
        throw new Failure(Failure.USAGE, "role '" + role + "', expected one of " + Roles.ALL);
      }
    }
    Settings settings = Settings.read(MlService.home(), System.getenv());
    if (!settings.auth().dev()) {
      throw new Failure(
          Failure.USAGE, "auth.mode is jwt, expected dev: ask the issuer for a token");
    }
    Vertx vertx = Vertx.vertx();
    try {
      DevIssuer issuer = DevIssuer.open(vertx, settings.data().dir());
      spec.commandLine().getOut().println(issuer.mint(subject, tenant, roles));
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    }
    return 0;
  }
}
