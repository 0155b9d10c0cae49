package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.flags.UnleashUrl;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "setup",
    description = {
      "Make in Unleash what the gateway asks for: the flag ML_DECISION_MODE with the variants",
      "observe (all of it) and act (none), a gradual rollout that sticks to entityId, and the",
      "context fields modelId, tenant and entityId. It never lets anybody act. What is there",
      "already is left as it is and told: run it as often as you like.",
      "",
      "An admin token of Unleash is read from the environment variable UNLEASH_ADMIN_TOKEN; it",
      "is sent to --url and shown nowhere."
    },
    footer = {
      "",
      "Exit codes: 0 all is there, 1 Unleash refuses, 2 wrong usage, 3 Unleash is away.",
      "",
      "Example:",
      "  read -rs UNLEASH_ADMIN_TOKEN && export UNLEASH_ADMIN_TOKEN",
      "  bin/ml-service flags setup --url http://unleash:4242 --environment production --dry-run"
    })
final class FlagsSetupCommand implements Callable<Integer> {
  private static final String TOKEN = "UNLEASH_ADMIN_TOKEN";
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(
      names = "--url",
      defaultValue = "${env:UNLEASH_URL}",
      description = "Unleash, as http://unleash:4242 (default: UNLEASH_URL)")
  private String url = "";

  @Option(
      names = "--project",
      defaultValue = "default",
      description = "project of the flag (default ${DEFAULT-VALUE})")
  private String project = "";

  @Option(
      names = "--environment",
      defaultValue = "production",
      description = "where it is switched on: that of the gateway's token (default production)")
  private String environment = "";

  @Option(names = "--dry-run", description = "say what would be made, and change nothing")
  private boolean dryRun;

  @Option(names = "--json", description = "print the answer as JSON")
  private boolean json;

  @Override
  public Integer call() {
    UnleashAdmin admin = admin();
    List<UnleashSetup.Item> items = new UnleashSetup(admin, project, environment, dryRun).run();
    long made = items.stream().filter(i -> i.state() == UnleashSetup.State.CREATED).count();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(asJson(items, made).toPrettyString());
      return 0;
    }
    for (UnleashSetup.Item item : items) {
      out.printf("%-36s %s%n", item.what(), text(item));
    }
    out.println(
        made == 0
            ? "nothing to change"
            : (dryRun ? made + " would be made, nothing was changed" : made + " made"));
    return 0;
  }

  private UnleashAdmin admin() {
    String token = System.getenv().getOrDefault(TOKEN, "");
    if (url == null || url.isEmpty()) {
      throw new Failure(
          Failure.USAGE, "no --url and no UNLEASH_URL, expected one as http://unleash:4242");
    }
    if (!token.matches("[\\x21-\\x7e]+")) {
      throw new Failure(
          Failure.USAGE,
          TOKEN
              + (token.isEmpty() ? " is not set" : " is malformed")
              + ", expected an admin token");
    }
    for (String name : new String[] {project, environment}) {
      if (!name.matches("[A-Za-z0-9._~-]{1,100}")) {
        throw new Failure(
            Failure.USAGE, "name '" + name + "', expected letters, digits, '.', '_', '~' or '-'");
      }
    }
    try {
      return new UnleashAdmin(UnleashUrl.api(url), token);
    } catch (IllegalArgumentException e) {
      throw new Failure(Failure.USAGE, String.valueOf(e.getMessage()));
    }
  }

  private String text(UnleashSetup.Item item) {
    return switch (item.state()) {
      case CREATED -> (dryRun ? "would be made: " : "made: ") + item.detail();
      case UNCHANGED -> "as it should be";
      case KEPT -> "left as somebody set it: " + item.detail();
    };
  }

  private ObjectNode asJson(List<UnleashSetup.Item> items, long made) {
    ObjectNode answer = JSON.createObjectNode();
    answer.put("project", project).put("environment", environment);
    answer.put("dryRun", dryRun).put("made", made);
    for (UnleashSetup.Item item : items) {
      answer
          .withArray("items")
          .addObject()
          .put("what", item.what())
          .put("state", item.state().name().toLowerCase(Locale.ROOT))
          .put("detail", item.detail());
    }
    return answer;
  }
}
