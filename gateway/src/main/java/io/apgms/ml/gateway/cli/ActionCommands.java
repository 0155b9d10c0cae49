package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The action outbox from a shell. */
@Command(
    name = "actions",
    description = "List what became of holds and releases at their sinks; send dead letters again.",
    subcommands = {ActionCommands.Show.class, ActionCommands.Redrive.class})
final class ActionCommands {
  private ActionCommands() {}

  @Command(
      name = "list",
      description = "Actions at sinks, newest first; dead letters unless --state says otherwise.",
      footer = {
        "",
        "Examples:",
        "  bin/ml-service actions list",
        "  bin/ml-service actions list --state pending --limit 20"
      })
  static final class Show implements Callable<Integer> {
    enum State {
      pending,
      sent,
      cancelled,
      dead
    }

    @Mixin private final AdminClient admin = new AdminClient();

    @Option(
        names = "--state",
        defaultValue = "dead",
        description = "${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE})")
    private State state = State.dead;

    @Option(names = "--sink", description = "only this sink, as the list names it")
    private @Nullable String sink;

    @Option(names = "--limit", defaultValue = "100", description = "1 to 500 (default 100)")
    private int limit;

    @Option(names = "--cursor", description = "what a list printed after 'more'")
    private @Nullable String cursor;

    @Override
    public Integer call() {
      String path =
          "/admin/actions?state="
              + state
              + "&limit="
              + limit
              + parameter("sink", sink)
              + parameter("cursor", cursor);
      JsonNode answer = admin.call("GET", path, null);
      if (admin.printedAsJson(answer)) {
        return 0;
      }
      for (JsonNode a : answer.path("actions")) {
        admin
            .out()
            .printf(
                "%s  %-9s %s  %d attempt(s)  %s  %s%n",
                a.path("createdAt").asText(),
                a.path("state").asText(),
                a.path("sink").asText(),
                a.path("attempts").asInt(),
                a.path("eventId").asText(),
                a.path("reason").asText(""));
      }
      if (!answer.path("nextCursor").isNull()) {
        admin.out().println("more: --cursor " + answer.path("nextCursor").asText());
      }
      return 0;
    }

    private static String parameter(String name, @Nullable String value) {
      return value == null
          ? ""
          : "&" + name + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8);
    }
  }

  @Command(
      name = "redrive",
      description = {
        "Make dead letters due again, under their old event ids and for 24 hours more.",
        "At most 10,000 a call; holds of a model in observe are cancelled instead of sent."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service actions redrive --reason 'INC-7: the receiver is back'",
        "  bin/ml-service actions redrive --event 01a2…-hold-3fa94b1c --reason 'asked for'"
      })
  static final class Redrive implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Option(names = "--sink", description = "only those of this sink, as the list names it")
    private @Nullable String sink;

    @Option(names = "--event", description = "only the one with this event id")
    private @Nullable String event;

    @Override
    public Integer call() {
      Map<String, Object> body = new LinkedHashMap<>(Map.of("reason", reason));
      if (sink != null) {
        body.put("sink", sink);
      }
      if (event != null) {
        body.put("eventId", event);
      }
      JsonNode answer = admin.call("POST", "/admin/actions/redrive", body);
      if (!admin.printedAsJson(answer)) {
        admin
            .out()
            .printf(
                "%d dead letter(s) are due again, audit %s%n",
                answer.path("redriven").asLong(), answer.path("auditId").asText());
      }
      return 0;
    }
  }
}
