package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the admin routes do, from a shell. */
final class DeploymentCommands {
  private DeploymentCommands() {}

  @Command(
      name = "rollback",
      description = {
        "Go back to the last good version of a model, on every replica.",
        "With --verify, look at what serves afterwards, or only that where there is no --reason:",
        "exit code 1 when a check fails."
      },
      footer = {
        "",
        "Example:",
        "  bin/ml-service rollback --model risk-score --reason 'false positives doubled'",
        "  bin/ml-service rollback --model risk-score --to-revision 1 --reason drill",
        "  bin/ml-service rollback --model risk-score --verify"
      })
  static final class Rollback implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--reason", description = "why; kept in the audit log")
    private @Nullable String reason;

    @Option(names = "--to-revision", description = "revision to serve again (default: last good)")
    private @Nullable Integer toRevision;

    @Option(names = "--incident", description = "incident it belongs to")
    private @Nullable String incident;

    @Option(names = "--verify", description = "check what serves afterwards")
    private boolean verify;

    @Option(
        names = "--missed",
        description = "with --verify: write holds that have no label to this file, for backfill")
    private @Nullable Path missed;

    @Option(
        names = "--api-url",
        defaultValue = "${env:ML_API_URL:-http://127.0.0.1:8080}",
        description = "with --verify: API address of the service (default ${DEFAULT-VALUE})")
    private String apiUrl = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      if (reason == null && !verify) {
        throw new Failure(Failure.USAGE, "--reason is missing, expected why it is rolled back");
      }
      JsonNode change = reason == null ? null : rollBack();
      if (!verify) {
        return printChange(admin, Objects.requireNonNull(change), model);
      }
      if (change != null && !admin.json()) {
        printChange(admin, change, model);
      }
      return new RollbackReport(admin, model, apiUrl).print(change, missed) ? 0 : Failure.NO;
    }

    private JsonNode rollBack() {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("reason", reason);
      if (toRevision != null) {
        body.put("toRevision", toRevision);
      }
      if (incident != null) {
        body.put("incident", incident);
      }
      return admin.call("POST", "/admin/models/" + model + "/rollback", body);
    }
  }

  @Command(
      name = "pin",
      description = "Hold a version of a model: promotions are refused until it is unpinned.",
      footer = {
        "",
        "Example:",
        "  bin/ml-service pin --model risk-score --version 20261116 --reason 'audit week'"
      })
  static final class Pin implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--version", required = true, description = "version to hold")
    private String version = "";

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Override
    public Integer call() {
      Map<String, Object> body = Map.of("version", version, "reason", reason);
      return printChange(admin, admin.call("PUT", "/admin/models/" + model + "/pin", body), model);
    }
  }

  @Command(
      name = "unpin",
      description = "Lift the hold; the version goes on serving.",
      footer = {"", "Example:", "  bin/ml-service unpin --model risk-score --reason 'audit over'"})
  static final class Unpin implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Override
    public Integer call() {
      Map<String, Object> body = Map.of("reason", reason);
      return printChange(
          admin, admin.call("DELETE", "/admin/models/" + model + "/pin", body), model);
    }
  }

  @Command(
      name = "history",
      description = "The revisions of a model, newest first.",
      footer = {"", "Example:", "  bin/ml-service history --model risk-score"})
  static final class History implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Override
    public Integer call() {
      JsonNode answer = admin.call("GET", "/admin/models/" + model + "/deployments", null);
      if (!admin.printedAsJson(answer)) {
        for (JsonNode r : answer.path("deployments")) {
          admin
              .out()
              .printf(
                  "%s%-4d %-12s %-9s %s  %s  %s%n",
                  r.path("active").asBoolean() ? "*" : " ",
                  r.path("revision").asInt(),
                  r.path("version").asText(),
                  r.path("kind").asText(),
                  r.path("at").asText(),
                  r.path("actor").asText(),
                  r.path("reason").asText());
        }
        printDrift(answer);
      }
      return 0;
    }

    /** Replicas that serve another version than the active one, and why. */
    private void printDrift(JsonNode answer) {
      for (JsonNode replica : answer.path("replicas")) {
        if (replica.path("drift").asBoolean()) {
          String pin = replica.path("envPin").asText("");
          admin
              .out()
              .printf(
                  "replica %s serves %s%s%n",
                  replica.path("id").asText(),
                  replica.path("version").asText("nothing"),
                  pin.isEmpty()
                      ? ": " + replica.path("failure").asText("it has not followed yet")
                      : ", held by ML_MODEL_VERSION");
        }
      }
    }
  }

  @Command(
      name = "mode",
      description = {
        "Show the decision mode, force observe, or lift a forced observe.",
        "It can never force act: that is the flag's."
      },
      footer = {
        "",
        "Example:",
        "  bin/ml-service mode",
        "  bin/ml-service mode observe --reason 'false positives' --ttl-ms 3600000",
        "  bin/ml-service mode lift --reason 'fixed'"
      })
  static final class Mode implements Callable<Integer> {
    enum Change {
      show,
      observe,
      lift
    }

    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(arity = "0..1", defaultValue = "show", description = "${COMPLETION-CANDIDATES}")
    private Change change = Change.show;

    @Option(names = "--model", description = "only this model (default: every model)")
    private @Nullable String model;

    @Option(names = "--reason", description = "why; kept in the audit log")
    private @Nullable String reason;

    @Option(names = "--ttl-ms", description = "lifts itself after so long")
    private @Nullable Long ttlMs;

    @Override
    public Integer call() {
      Map<String, Object> body = new LinkedHashMap<>();
      if (change == Change.observe) {
        body.put("mode", "observe");
      }
      if (change != Change.show && reason == null) {
        throw new Failure(Failure.USAGE, "--reason is missing, expected why the mode changes");
      }
      putIfSet(body, "reason", reason);
      putIfSet(body, "modelId", model);
      putIfSet(body, "ttlMs", ttlMs);
      JsonNode answer =
          switch (change) {
            case show -> admin.call("GET", "/admin/decision-mode", null);
            case observe -> admin.call("PUT", "/admin/decision-mode", body);
            case lift -> admin.call("DELETE", "/admin/decision-mode", body);
          };
      if (!admin.printedAsJson(answer)) {
        for (JsonNode m : answer.path("models")) {
          admin
              .out()
              .printf(
                  "%-24s %-8s source %-9s flag age %s ms%n",
                  m.path("modelId").asText(),
                  m.path("mode").asText(),
                  m.path("modeSource").asText(),
                  m.path("flagAgeMs").asText());
        }
        printWhere(answer);
      }
      boolean done = answer.path("pending").isEmpty() && answer.path("notRecorded").isEmpty();
      return done ? 0 : Failure.UNAVAILABLE;
    }

    /** Of a change: where it is in force, and what is missing. */
    private void printWhere(JsonNode answer) {
      if (answer.has("replicas")) {
        admin
            .out()
            .printf(
                "%s on %d replica(s) in %d ms, audit %s%n",
                change == Change.lift ? "lifted" : "in force",
                answer.path("replicas").size(),
                answer.path("tookMs").asLong(),
                answer.path("auditId").asText());
      }
      for (JsonNode replica : answer.path("replicas")) {
        if (replica.path("by").asText().equals("lease")) {
          admin
              .out()
              .printf("  %s is silent, and may not act any more%n", replica.path("id").asText());
        }
      }
      for (JsonNode late : answer.path("pending")) {
        admin
            .out()
            .println("  not confirmed: " + late.asText() + ": it observes until it has read it");
      }
      for (JsonNode what : answer.path("notRecorded")) {
        admin.out().println("  not recorded: " + what.asText());
      }
    }

    private static void putIfSet(Map<String, Object> body, String key, @Nullable Object value) {
      if (value != null) {
        body.put(key, value);
      }
    }
  }

  static int printChange(AdminClient admin, JsonNode answer, String model) {
    if (!admin.printedAsJson(answer)) {
      admin
          .out()
          .printf(
              "%s revision %d: %s -> %s in %d ms on %d replica(s), audit %s%n",
              model,
              answer.path("revision").asInt(),
              answer.path("from").asText("none"),
              answer.path("to").asText(),
              answer.path("tookMs").asLong(),
              answer.path("replicas").size(),
              answer.path("auditId").asText());
      for (JsonNode late : answer.path("pending")) {
        String why = answer.path("reasons").path(late.asText()).asText();
        admin.out().println("  not confirmed: " + late.asText() + ": " + why);
      }
    }
    return answer.path("pending").isEmpty() ? 0 : Failure.UNAVAILABLE;
  }
}
