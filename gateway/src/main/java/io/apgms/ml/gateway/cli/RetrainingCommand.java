package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The requests to train a model again, from a shell. */
@Command(
    name = "retraining",
    description = {
      "The requests MLRETRAIN-n to train a model again. Alerts open them by themselves: drift that has",
      "lasted, and an error budget that burns. The approval ticket of a candidate answers one."
    },
    subcommands = {RetrainingCommand.Open.class, RetrainingCommand.Show.class})
final class RetrainingCommand {
  private static final String RETRAININGS = "/admin/retrainings";

  private RetrainingCommand() {}

  private static void print(AdminClient admin, JsonNode r) {
    JsonNode dataset = r.path("dataset");
    String ticket = r.path("answeredBy").asText("");
    admin
        .out()
        .printf(
            "%s  %s  %s  %s  %s  %s%n",
            r.path("retraining").asText(),
            r.path("modelId").asText(),
            r.path("cause").asText(),
            ticket.isEmpty() ? r.path("state").asText() : "answered by " + ticket,
            r.path("at").asText(),
            r.path("reason").asText());
    admin
        .out()
        .printf(
            "  %d labels, sha256 %s: feedback export --days 7 --model %s --until %s%n",
            dataset.path("rows").asLong(),
            dataset.path("sha256").asText(),
            r.path("modelId").asText(),
            dataset.path("to").asText());
  }

  @Command(
      name = "open",
      description = "Ask for a retraining because a regulator does; for ds-lead and compliance.",
      footer = {
        "",
        "Example:",
        "  bin/ml-service retraining open --model risk-score --cause regulator --reason 'letter 7/26'"
      })
  static final class Open implements Callable<Integer> {
    enum Cause {
      regulator
    }

    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--cause", required = true, description = "${COMPLETION-CANDIDATES}")
    private Cause cause = Cause.regulator;

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Override
    public Integer call() {
      Map<String, String> body = Map.of("modelId", model, "cause", cause.name(), "reason", reason);
      JsonNode answer = admin.call("POST", RETRAININGS, body);
      if (!admin.printedAsJson(answer)) {
        print(admin, answer);
      }
      return 0;
    }
  }

  @Command(
      name = "list",
      description = "The requests, newest first; `make retrain` answers one with a ticket.",
      footer = {"", "Example:", "  bin/ml-service retraining list --model risk-score"})
  static final class Show implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", description = "only this model's")
    private @Nullable String model;

    @Override
    public Integer call() {
      String query =
          model == null ? "" : "?modelId=" + URLEncoder.encode(model, StandardCharsets.UTF_8);
      JsonNode answer = admin.call("GET", RETRAININGS + query, null);
      if (!admin.printedAsJson(answer)) {
        answer.path("retrainings").forEach(r -> print(admin, r));
      }
      return 0;
    }
  }
}
