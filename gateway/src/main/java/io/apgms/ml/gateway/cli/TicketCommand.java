package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "ticket",
    description = {
      "The approval tickets MLAPPROVAL-n: from a candidate to a promotion by four people.",
      "The author opens it and brings evidence; another data scientist reviews; compliance signs",
      "off; the data science lead promotes. Nobody has two of these parts."
    },
    subcommands = {
      TicketCommand.Open.class,
      TicketCommand.Evidence.class,
      TicketCommand.Review.class,
      TicketCommand.Signoff.class,
      TicketCommand.Waive.class,
      TicketCommand.Withdraw.class,
      TicketCommand.Show.class,
      TicketCommand.ListAll.class,
      TicketCommand.Close.class
    },
    footer = {"", "Example:", "  bin/ml-service ticket show MLAPPROVAL-1"})
final class TicketCommand implements Callable<Integer> {
  private static final String TICKETS = "/admin/tickets";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Without a subcommand there is nothing to do. */
  @Override
  public Integer call() {
    throw new Failure(
        Failure.USAGE,
        "ticket alone, expected open, evidence, review, signoff, waive, withdraw, show, list or"
            + " close: see ticket --help");
  }

  /** A body of what a person approves, as the service shows it now. */
  private static Map<String, Object> seen(AdminClient admin, String ticket) {
    JsonNode shown = show(admin, ticket);
    int newest = shown.path("evidence").size() - 1;
    if (newest < 0) {
      throw new Failure(Failure.NO, ticket + " has no evidence, expected it before an approval");
    }
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("manifestDigest", shown.path("manifestDigest").asText());
    body.put("evidenceDigest", shown.path("evidence").get(newest).path("digest").asText());
    return body;
  }

  private static int print(AdminClient admin, JsonNode ticket) {
    if (!admin.printedAsJson(ticket)) {
      TicketText.print(admin.out(), ticket);
    }
    return 0;
  }

  /** The ticket as the service shows it. */
  static JsonNode show(AdminClient admin, String ticket) {
    return admin.call("GET", TICKETS + "/" + ticket, null);
  }

  /** Attaches what a replay said; the ticket after it. */
  static JsonNode attachReplay(AdminClient admin, String ticket, JsonNode replay) {
    return admin.call("POST", TICKETS + "/" + ticket + "/replay", replay);
  }

  private static int post(AdminClient admin, String ticket, String step, Map<String, ?> body) {
    return print(admin, admin.call("POST", TICKETS + "/" + ticket + "/" + step, body));
  }

  @Command(
      name = "open",
      description = "Open a ticket for a packaged candidate; its digests are read by the service.",
      footer = {
        "",
        "Example:",
        "  bin/ml-service ticket open --model risk-score --version 20261125 --trigger schedule \\",
        "      --reason 'weekly retraining'"
      })
  static final class Open implements Callable<Integer> {
    enum Trigger {
      schedule,
      drift,
      budget,
      regulator,
      manual
    }

    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--version", required = true, description = "the candidate's version")
    private String version = "";

    @Option(names = "--trigger", required = true, description = "${COMPLETION-CANDIDATES}")
    private Trigger trigger = Trigger.manual;

    @Option(
        names = "--reason",
        description = "why (default: that it was retrained, and the trigger)")
    private @Nullable String reason;

    @Override
    public Integer call() {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("modelId", model);
      body.put("version", version);
      body.put("trigger", trigger.name());
      body.put("reason", reason == null ? "retrained, trigger " + trigger : reason);
      return print(admin, admin.call("POST", TICKETS, body));
    }
  }

  @Command(
      name = "evidence",
      description = {
        "Bring what the gates said of the candidate. Approvals of earlier evidence count no more.",
      },
      footer = {
        "",
        "Example:",
        "  bin/ml-service ticket evidence MLAPPROVAL-1 --file evidence.json"
      })
  static final class Evidence implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(paramLabel = "TICKET", description = "MLAPPROVAL-n")
    private String ticket = "";

    @Option(names = "--file", required = true, description = "what verify --evidence wrote")
    private Path file = Path.of("");

    @Override
    public Integer call() {
      try {
        Map<String, Object> document =
            JSON.readValue(Files.readAllBytes(file), new TypeReference<>() {});
        return post(admin, ticket, "evidence", document);
      } catch (IOException e) {
        throw new Failure(Failure.USAGE, "--file " + file + ", expected a JSON file of verify");
      }
    }
  }

  @Command(
      name = "review",
      description = {
        "Approve as a data scientist who is not an author: evaluation.ipynb and report.md were read.",
        "What is approved is what the service shows now; anything newer voids it."
      },
      footer = {
        "",
        "Example:",
        "  bin/ml-service ticket review MLAPPROVAL-1 --comment 'calibration and deltas look right'"
      })
  static final class Review implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(paramLabel = "TICKET", description = "MLAPPROVAL-n")
    private String ticket = "";

    @Option(names = "--comment", required = true, description = "what was looked at")
    private String comment = "";

    @Override
    public Integer call() {
      Map<String, Object> body = seen(admin, ticket);
      body.put("comment", comment);
      return post(admin, ticket, "review", body);
    }
  }

  @Command(
      name = "signoff",
      description = {
        "Sign off as compliance: the regulated thresholds stay, or change for a reason of its own.",
        "`ticket show` lists how they differ from the active version."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service ticket signoff MLAPPROVAL-1 --thresholds-unchanged \\",
        "      --audit-id 5f0c… --comment 'same threshold, same inputs'",
        "  bin/ml-service ticket signoff MLAPPROVAL-1 --change-reason 'agreed on 3 May' \\",
        "      --audit-id 5f0c… --comment 'threshold as in the letter'"
      })
  static final class Signoff implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(paramLabel = "TICKET", description = "MLAPPROVAL-n")
    private String ticket = "";

    @ArgGroup(multiplicity = "1")
    private final Thresholds thresholds = new Thresholds();

    @Option(
        names = "--audit-id",
        required = true,
        description = "the audit entry the sign-off refers to, as `ticket show` lists them")
    private String auditId = "";

    @Option(names = "--comment", required = true, description = "what was compared")
    private String comment = "";

    static final class Thresholds {
      @Option(names = "--thresholds-unchanged", description = "none of them changes")
      private boolean unchanged;

      @Option(names = "--change-reason", description = "why they may change")
      private @Nullable String changeReason;
    }

    @Override
    public Integer call() {
      Map<String, Object> body = seen(admin, ticket);
      body.put("thresholdsUnchanged", thresholds.unchanged);
      if (thresholds.changeReason != null) {
        body.put("changeReason", thresholds.changeReason);
      }
      body.put("auditId", auditId);
      body.put("comment", comment);
      return post(admin, ticket, "signoff", body);
    }
  }

  @Command(
      name = "waive",
      description = {
        "Waive an inconclusive gate, or an error budget that is spent, as compliance; a failed gate",
        "and integrity are never waived."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service ticket waive MLAPPROVAL-1 --gate smoke --reason 'no canary rows yet'",
        "  bin/ml-service ticket waive MLAPPROVAL-1 --gate error-budget --reason 'this mends it'"
      })
  static final class Waive implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(paramLabel = "TICKET", description = "MLAPPROVAL-n")
    private String ticket = "";

    @Option(
        names = "--gate",
        required = true,
        description = "bias, reproducibility, smoke or error-budget")
    private String gate = "";

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Override
    public Integer call() {
      Map<String, Object> body = seen(admin, ticket);
      body.put("gate", gate);
      body.put("reason", reason);
      return post(admin, ticket, "waiver", body);
    }
  }

  @Command(
      name = "withdraw",
      description = "Take your own approval back; it stays readable and counts no more.",
      footer = {
        "",
        "Example:",
        "  bin/ml-service ticket withdraw MLAPPROVAL-1 --approval 0f3a… --reason 'second thoughts'"
      })
  static final class Withdraw implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(paramLabel = "TICKET", description = "MLAPPROVAL-n")
    private String ticket = "";

    @Option(names = "--approval", required = true, description = "its id, see ticket show")
    private String approval = "";

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    @Override
    public Integer call() {
      return post(admin, ticket, "withdraw", Map.of("approvalId", approval, "reason", reason));
    }
  }

  @Command(
      name = "show",
      description = {
        "Show a ticket: digests, gates, approvals, how the regulated thresholds change, and what is",
        "missing."
      },
      footer = {"", "Example:", "  bin/ml-service ticket show MLAPPROVAL-1"})
  static final class Show implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(paramLabel = "TICKET", description = "MLAPPROVAL-n")
    private String ticket = "";

    @Override
    public Integer call() {
      return print(admin, show(admin, ticket));
    }
  }

  @Command(
      name = "list",
      description = "List the newest 100 tickets, newest first.",
      footer = {"", "Example:", "  bin/ml-service ticket list --model risk-score"})
  static final class ListAll implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--model", description = "only of this model")
    private @Nullable String model;

    @Override
    public Integer call() {
      String filter = model == null ? "" : "?modelId=" + model;
      JsonNode answer = admin.call("GET", TICKETS + filter, null);
      if (!admin.printedAsJson(answer)) {
        answer.path("tickets").forEach(t -> TicketText.printHead(admin.out(), t));
      }
      return 0;
    }
  }

  @Command(
      name = "close",
      description = "Close a ticket: with the commit that carries the promotion, or as rejected.",
      footer = {
        "",
        "Examples:",
        "  bin/ml-service ticket close MLAPPROVAL-1 --commit $(git rev-parse HEAD) --reason done",
        "  bin/ml-service ticket close MLAPPROVAL-2 --rejected --reason 'calibration is off'"
      })
  static final class Close implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Parameters(paramLabel = "TICKET", description = "MLAPPROVAL-n")
    private String ticket = "";

    @ArgGroup(multiplicity = "1")
    private final End end = new End();

    @Option(names = "--reason", required = true, description = "why; kept in the audit log")
    private String reason = "";

    static final class End {
      @Option(names = "--commit", description = "of the promotion, 7 to 64 hex digits")
      private @Nullable String commit;

      @Option(names = "--rejected", description = "the candidate is not promoted")
      private boolean rejected;
    }

    @Override
    public Integer call() {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("outcome", end.rejected ? "rejected" : "promoted");
      if (end.commit != null) {
        body.put("commit", end.commit);
      }
      body.put("reason", reason);
      return post(admin, ticket, "close", body);
    }
  }
}
