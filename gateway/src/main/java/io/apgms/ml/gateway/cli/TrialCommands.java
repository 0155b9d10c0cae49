package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trials of second versions from a shell. */
@Command(
    name = "trial",
    description = "A second version beside the active one: as canary or in shadow.",
    subcommands = {TrialCommands.Start.class, TrialCommands.Show.class, TrialCommands.Stop.class})
final class TrialCommands {
  private TrialCommands() {}

  private static String path(String model) {
    return "/admin/models/" + model + "/trial";
  }

  private static void print(AdminClient admin, JsonNode t) {
    admin
        .out()
        .printf(
            "%-3d %-6s %-12s beside %-12s %-12s %s  %s  %s%n",
            t.path("n").asInt(),
            t.path("kind").asText(),
            t.path("version").asText(),
            t.path("baseVersion").asText(),
            t.path("state").asText(),
            t.path("at").asText(),
            t.path("actor").asText(),
            t.path("reason").asText());
    JsonNode end = t.path("end");
    if (!end.isMissingNode()) {
      admin
          .out()
          .printf(
              "    %s  %s  %s  audit %s%n",
              end.path("at").asText(),
              end.path("actor").asText(),
              end.path("reason").asText(),
              end.path("auditId").asText());
    }
  }

  @Command(
      name = "start",
      description = {
        "Put a version on trial. A canary answers what the flag ML_CANARY gives it and may act, so it",
        "was active before, or has a ticket as for a promotion. A shadow only scores what the active",
        "version has answered. The trial ends by itself: passed, failed or inconclusive."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service trial start --model risk-score --version 20261116 --kind shadow \\",
        "    --reason 'compare with last month'",
        "  bin/ml-service trial start --model risk-score --version 20261130 --kind canary \\",
        "    --ticket MLAPPROVAL-1 --least-pairs 2000 --reason 'weekly retraining'"
      })
  static final class Start implements Callable<Integer> {
    enum Kind {
      canary,
      shadow
    }

    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--version", required = true, description = "version to put on trial")
    private String version = "";

    @Option(names = "--kind", required = true, description = "${COMPLETION-CANDIDATES}")
    private Kind kind = Kind.shadow;

    @Option(names = "--ticket", description = "what approves a canary that was never active")
    private @Nullable String ticket;

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Option(names = "--least-pairs", description = "rows compared before it may pass (500)")
    private @Nullable Integer leastPairs;

    @Option(names = "--max-errors", description = "rows it may give no score for (0)")
    private @Nullable Integer maxErrors;

    @Option(
        names = "--max-disagreement",
        description = "share of rows with another recommendation (0.05)")
    private @Nullable Double maxDisagreement;

    @Option(names = "--max-mean-difference", description = "mean of |score - score| (0.05)")
    private @Nullable Double maxMeanDifference;

    @Option(names = "--limit-ms", description = "inconclusive after so long (24 h)")
    private @Nullable Long limitMs;

    @Override
    public Integer call() {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("version", version);
      body.put("kind", kind.name());
      body.put("reason", reason);
      putIfSet(body, "ticket", ticket);
      putIfSet(body, "leastPairs", leastPairs);
      putIfSet(body, "maxErrors", maxErrors);
      putIfSet(body, "maxDisagreement", maxDisagreement);
      putIfSet(body, "maxMeanDifference", maxMeanDifference);
      putIfSet(body, "limitMs", limitMs);
      JsonNode answer = admin.call("PUT", path(model), body);
      if (!admin.printedAsJson(answer)) {
        print(admin, answer);
      }
      return 0;
    }

    private static void putIfSet(Map<String, Object> body, String key, @Nullable Object value) {
      if (value != null) {
        body.put(key, value);
      }
    }
  }

  @Command(
      name = "show",
      description = "The newest trials of a model, newest first, and what was seen of each.",
      footer = {"", "Example:", "  bin/ml-service trial show --model risk-score"})
  static final class Show implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Override
    public Integer call() {
      JsonNode answer = admin.call("GET", path(model), null);
      if (admin.printedAsJson(answer)) {
        return 0;
      }
      for (JsonNode t : answer.path("trials")) {
        print(admin, t);
        JsonNode seen = t.path("seen");
        admin
            .out()
            .printf(
                "    %d pairs of %d, %d with another recommendation, mean difference %.4f,"
                    + " %d errors, %d dropped%n",
                seen.path("pairs").asLong(),
                t.path("leastPairs").asLong(),
                seen.path("disagreements").asLong(),
                seen.path("meanDifference").asDouble(),
                seen.path("errors").asLong(),
                seen.path("dropped").asLong());
      }
      return 0;
    }
  }

  @Command(
      name = "stop",
      description = "End a trial: every request goes to the active version, on every replica.",
      footer = {
        "",
        "Example:",
        "  bin/ml-service trial stop --model risk-score --reason 'INC-4: the canary is wrong'"
      })
  static final class Stop implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Override
    public Integer call() {
      JsonNode answer = admin.call("DELETE", path(model), Map.of("reason", reason));
      if (!admin.printedAsJson(answer)) {
        print(admin, answer);
      }
      return 0;
    }
  }
}
