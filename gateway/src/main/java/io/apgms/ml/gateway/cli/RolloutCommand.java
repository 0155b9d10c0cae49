package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.cli.RolloutPlan.Pinned;
import io.apgms.ml.gateway.cli.RolloutPlan.Revision;
import io.apgms.ml.gateway.settings.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Revisions of the Deployment. */
@Command(
    name = "rollout",
    description = "What `kubectl rollout undo` would bring back.",
    subcommands = {RolloutCommand.Plan.class})
final class RolloutCommand {
  private RolloutCommand() {}

  @Command(
      name = "plan",
      description = {
        "List the revisions of the Deployment, newest first: the image, the decision mode, the versions",
        "that ML_MODEL_VERSION pins, their digests, and whether each is whole in the registry and may",
        "be served. A revision without a pin serves what the pointer in PostgreSQL says: undoing to it",
        "changes no model. Changes nothing. Exit code 1: the revision that was asked for, or without",
        "--to-revision every earlier one, cannot be served."
      },
      footer = {
        "",
        "Examples:",
        "  kubectl get replicasets -o json | bin/ml-service rollout plan --from -",
        "  kubectl get replicasets -o json | bin/ml-service rollout plan --from - --to-revision 6",
        "  bin/ml-service rollout plan --from replicasets.json --json"
      })
  static final class Plan implements Callable<Integer> {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MOST_BYTES = 64 << 20;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(
        names = "--from",
        required = true,
        description =
            "what `kubectl get replicasets -o json` printed: a file, or - for standard input")
    private String from = "";

    @Option(
        names = "--deployment",
        description = "the Deployment's name (default: ${DEFAULT-VALUE})")
    private String deployment = "ml-service";

    @Option(names = "--to-revision", description = "whether this one can be gone back to")
    private @Nullable Integer toRevision;

    @Option(names = "--json", description = "one JSON object a line")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      Settings settings = Settings.read(MlService.home(), System.getenv());
      List<Revision> revisions =
          RolloutPlan.read(list(), deployment, Artifacts.store(settings)).stream()
              .filter(r -> toRevision == null || r.number() == toRevision)
              .toList();
      if (revisions.isEmpty()) {
        throw new Failure(
            Failure.NO,
            "deployment/"
                + deployment
                + " has no revision "
                + toRevision
                + " any more, see the plan");
      }
      PrintWriter out = spec.commandLine().getOut();
      for (Revision each : revisions) {
        if (json) {
          ObjectNode line = each.json(JSON.createObjectNode());
          out.println(line);
        } else {
          print(out, each);
        }
      }
      out.flush();
      return revisions.stream().anyMatch(r -> (toRevision != null || !r.current()) && r.serves())
          ? 0
          : Failure.NO;
    }

    private JsonNode list() throws IOException {
      byte[] bytes;
      try (InputStream in = from.equals("-") ? System.in : Files.newInputStream(Path.of(from))) {
        bytes = in.readNBytes(MOST_BYTES + 1);
      } catch (NoSuchFileException e) {
        throw new Failure(Failure.USAGE, "--from is " + from + ", expected a file, or -");
      }
      if (bytes.length > MOST_BYTES) {
        throw new Failure(
            Failure.USAGE, from + " has more than " + MOST_BYTES + " bytes, expected fewer");
      }
      try {
        return JSON.readTree(bytes);
      } catch (JsonProcessingException e) {
        throw new Failure(
            Failure.USAGE, from + " is not JSON, expected what `kubectl get … -o json` prints");
      }
    }

    private static void print(PrintWriter out, Revision r) {
      out.printf(
          "%s%-5d %s  mode %s, %d ready%n",
          r.current() ? "*" : " ",
          r.number(),
          r.image(),
          r.mode() == null ? "by the flag" : r.mode(),
          r.ready());
      if (r.cause() != null) {
        out.println("       " + r.cause());
      }
      if (r.fault() != null) {
        out.println("       CANNOT BE SERVED: " + r.fault());
      } else if (r.pins().isEmpty()) {
        out.println("       model by the pointer: undoing to it changes no model, see rollback");
      }
      for (Pinned pin : r.pins()) {
        out.printf(
            "       %s %s %s%n",
            pin.model(),
            pin.version(),
            pin.fault() == null
                ? pin.digest() + " in the registry"
                : "CANNOT BE SERVED: " + pin.fault());
      }
    }
  }
}
