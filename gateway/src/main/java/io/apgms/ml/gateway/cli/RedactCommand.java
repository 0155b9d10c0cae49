package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "redact",
    description = {
      "Put pseudonyms in the place of a person: entity, submitter and request ids, notes, metadata",
      "and groups of their decisions and labels. The rows stay, and the same person keeps one",
      "pseudonym within a quarter. For the role compliance; there is no way back without the",
      "quarter's key. What exports hold is told, not changed: remove those files."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service feedback redact --entity company-17 --reason 'request 12' --dry-run",
      "  bin/ml-service feedback redact --submitted-by ann --reason 'request 12'"
    })
final class RedactCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_ROUNDS = 100_000; // 50 million rows

  @Mixin private final AdminClient admin = new AdminClient();

  @ArgGroup(multiplicity = "1")
  private @Nullable Whose whose;

  static final class Whose {
    @Option(names = "--entity", description = "decisions of this entityId, and their labels")
    private @Nullable String entity;

    @Option(
        names = "--prediction",
        split = ",",
        description = "these decisions, at most 500, and their labels")
    private @Nullable List<String> predictions;

    @Option(names = "--submitted-by", description = "labels that this person submitted")
    private @Nullable String submittedBy;
  }

  @Option(
      names = "--reason",
      required = true,
      description = "why; goes to the audit log, so no name")
  private String reason = "";

  @Option(names = "--dry-run", description = "count, at most 500 of each, and change nothing")
  private boolean dryRun;

  @Override
  public Integer call() {
    Map<String, Object> body = body();
    ObjectNode total = JSON.createObjectNode();
    Map<String, JsonNode> exports = new TreeMap<>();
    try (ConsoleProgress progress = new ConsoleProgress()) {
      for (int round = 1; round <= MAX_ROUNDS; round++) {
        JsonNode done = admin.call("POST", "/admin/feedback/redactions", body);
        for (String count : new String[] {"decisions", "labels", "requests", "altered"}) {
          total.put(count, total.path(count).asLong() + done.path(count).asLong());
        }
        done.path("exports").forEach(e -> exports.put(e.path("exportId").asText(), e));
        progress.report("rounds", round, round + (done.path("more").asBoolean() ? 1 : 0));
        if (dryRun || !done.path("more").asBoolean()) {
          total.put("more", done.path("more").asBoolean()).put("dryRun", dryRun);
          break;
        }
      }
    }
    exports.values().forEach(total.withArray("exports")::add);
    if (!admin.printedAsJson(total)) {
      print(total);
    }
    return 0;
  }

  private Map<String, Object> body() {
    Map<String, Object> body = new HashMap<>(Map.of("reason", reason, "dryRun", dryRun));
    Whose of = whose;
    if (of != null && of.entity != null) {
      body.put("entityId", of.entity);
    }
    if (of != null && of.predictions != null) {
      body.put("predictionIds", of.predictions);
    }
    if (of != null && of.submittedBy != null) {
      body.put("submittedBy", of.submittedBy);
    }
    return body;
  }

  private void print(JsonNode total) {
    admin
        .out()
        .printf(
            "%s%d decisions, %d labels, %d request ids%s%n",
            dryRun ? "would be replaced: " : "replaced: ",
            total.path("decisions").asLong(),
            total.path("labels").asLong(),
            total.path("requests").asLong(),
            dryRun && total.path("more").asBoolean() ? ", and more" : "");
    if (total.path("altered").asLong() > 0) {
      admin
          .out()
          .printf(
              "%d decisions were not what was stored before: their proofs go on saying so%n",
              total.path("altered").asLong());
    }
    for (JsonNode export : total.path("exports")) {
      admin
          .out()
          .printf(
              "export %s of %s by %s holds some of it: remove its file%n",
              export.path("exportId").asText(),
              export.path("at").asText(),
              export.path("actor").asText());
    }
  }
}
