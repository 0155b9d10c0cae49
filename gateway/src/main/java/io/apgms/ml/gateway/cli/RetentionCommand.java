package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.feedback.Retention;
import io.apgms.ml.gateway.audit.RetentionVerticle;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.AuditLog;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "retention",
    description = {
      "Remove what is older than eighteen months and not held, each piece under an entry of the audit",
      "log, and end. `serve` does the same once an hour; as a job of its own it is seen to have been",
      "done. It ends at once where a replica is at it. Exit code 1: more was left than --pieces."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service retention",
      "  bin/ml-service retention --pieces 100 --json"
    })
final class RetentionCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CALL_MS = 30_000; // a week of decisions is dropped under a lock
  private static final int MOST_PIECES = 100_000;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(
      names = "--pieces",
      description =
          "remove so many at most, of 5,000 rows or a week each (default ${DEFAULT-VALUE})")
  private int pieces = 10_000;

  @Option(names = "--json", description = "one JSON object a line")
  private boolean json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (pieces < 1 || pieces > MOST_PIECES) {
      throw new Failure(
          Failure.USAGE, "--pieces is " + pieces + ", expected from 1 to " + MOST_PIECES);
    }
    Settings settings = Settings.read(MlService.home(), System.getenv());
    Vertx vertx = Vertx.vertx();
    try {
      AuditLog audit = DirectRegistry.open(vertx, settings, "retention", CALL_MS).audit();
      return remove(audit);
    } finally {
      await(vertx.close());
    }
  }

  private int remove(AuditLog audit) throws InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    for (int removed = 0; removed < pieces; removed++) {
      Optional<Retention.Piece> piece = await(RetentionVerticle.next(audit));
      if (piece.isEmpty()) {
        if (!json) {
          out.println(removed + " piece(s) removed");
          out.flush();
        }
        return 0;
      }
      Retention.Piece done = piece.get();
      out.println(
          json
              ? JSON.createObjectNode()
                  .put("what", done.what())
                  .put("subject", done.subject())
                  .set("detail", JSON.valueToTree(done.detail()))
                  .toString()
              : done.what() + " " + done.subject() + " " + done.detail());
      out.flush();
    }
    throw new Failure(Failure.NO, "more than --pieces " + pieces + " are past their retention");
  }

  private static <T> T await(Future<T> future) throws InterruptedException {
    return DirectRegistry.await(future, CALL_MS);
  }
}
