package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The replicas' spools from a shell. */
@Command(
    name = "replicas",
    description = "List how far each replica's spool has shipped; forget one that is lost.",
    subcommands = {ReplicaCommands.Show.class, ReplicaCommands.Forget.class})
final class ReplicaCommands {
  private ReplicaCommands() {}

  @Command(
      name = "list",
      description = {
        "The replicas that have a spool, and how long each has been silent. What one that died has",
        "not shipped is waited for until its volume is back or it is forgotten."
      },
      footer = {"", "Examples:", "  bin/ml-service replicas list"})
  static final class Show implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Override
    public Integer call() {
      JsonNode answer = admin.call("GET", "/admin/replicas", null);
      if (admin.printedAsJson(answer)) {
        return 0;
      }
      for (JsonNode r : answer.path("replicas")) {
        admin
            .out()
            .printf(
                "%s  shipped before %s  seen %.1f s ago%n",
                r.path("replica").asText(),
                r.path("shippedBefore").asText(),
                r.path("silentMs").asLong() / 1e3);
      }
      return 0;
    }
  }

  @Command(
      name = "forget",
      description = {
        "Say that the spool of a replica is lost with what it had not shipped: ids that may have",
        "waited there are answered as unknown from now on. Refused while the replica lives."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service replicas forget --replica replica-1f0c… --reason 'INC-9: disk burnt'"
      })
  static final class Forget implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--replica", required = true, description = "as the list names it")
    private String replica = "";

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Override
    public Integer call() {
      String path =
          "/admin/replicas/" + URLEncoder.encode(replica, StandardCharsets.UTF_8) + "/forget";
      JsonNode answer = admin.call("POST", path, Map.of("reason", reason));
      if (!admin.printedAsJson(answer)) {
        admin
            .out()
            .printf(
                "%s is forgotten, with what it decided from %s on and had not shipped; audit %s%n",
                answer.path("replica").asText(),
                answer.path("shippedBefore").asText(),
                answer.path("auditId").asText());
      }
      return 0;
    }
  }
}
