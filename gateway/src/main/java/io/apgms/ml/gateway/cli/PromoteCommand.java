package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "promote",
    description = {
      "Make an approved candidate the active version, on every replica, as the data science lead.",
      "Then tags the commit it was trained from, in this checkout, as <model>_<version>; nothing is",
      "pushed. A tag that cannot be made is told and undoes nothing."
    },
    footer = {
      "",
      "Example:",
      "  bin/ml-service promote --model risk-score --version 20261125 --ticket MLAPPROVAL-1 \\",
      "      --reason 'weekly retraining'"
    })
final class PromoteCommand implements Callable<Integer> {
  @Mixin private final AdminClient admin = new AdminClient();

  @Option(names = "--model", required = true, description = "model id")
  private String model = "";

  @Option(names = "--version", required = true, description = "the candidate's version")
  private String version = "";

  @Option(names = "--ticket", required = true, description = "MLAPPROVAL-n")
  private String ticket = "";

  @Option(names = "--reason", required = true, description = "why; kept in the audit log")
  private String reason = "";

  @Override
  public Integer call() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("version", version);
    body.put("ticket", ticket);
    body.put("reason", reason);
    JsonNode answer = admin.call("POST", "/admin/models/" + model + "/promote", body);
    String tag = model + "_" + version;
    String problem = tag(tag);
    if (answer instanceof ObjectNode object) {
      object.put("tag", problem.isEmpty() ? tag : null);
    }
    int exit = DeploymentCommands.printChange(admin, answer, model);
    if (problem.isEmpty()) {
      if (!admin.json()) {
        admin.out().println("tagged " + tag);
      }
    } else {
      admin.err().println("ml-service: no tag " + tag + ": " + problem);
    }
    return exit;
  }

  /** Tags the commit of the candidate's training; why it could not, empty when it could. */
  private String tag(String tag) {
    String commit = admin.call("GET", "/admin/tickets/" + ticket, null).path("gitCommit").asText();
    if (!commit.matches("[0-9a-f]{7,64}")) {
      return "the manifest names no commit";
    }
    try {
      return git("tag", tag, commit); // a light one: it needs no identity
    } catch (IOException e) {
      return "git cannot be run";
    }
  }

  private static String git(String... arguments) throws IOException {
    List<String> words = Stream.concat(Stream.of("git"), Stream.of(arguments)).toList();
    Process git =
        new ProcessBuilder(words)
            .directory(MlService.home().toFile())
            .redirectErrorStream(true)
            .start();
    String said = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    try {
      if (git.waitFor(10, TimeUnit.SECONDS) && git.exitValue() == 0) {
        return "";
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return said.isEmpty() ? "git failed" : said;
  }
}
