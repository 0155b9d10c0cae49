package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ControlState;
import io.apgms.ml.registry.Deployment;
import io.apgms.ml.registry.DrillResult;
import io.apgms.ml.registry.DrillResult.Outcome;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RollbackCommand;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "drill",
    description = {
      "Rehearse the rollback of each model in this process, which serves nobody: read its target,",
      "verify and load it from disk, score its golden rows, return, and again with it in memory.",
      "What serves is not touched. The result goes into the audit log, and from there into the",
      "metrics of every replica. Exit code 1 when a rehearsal fails."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service drill",
      "  bin/ml-service drill --model risk-score --json",
      "  bin/ml-service drill --every PT6H"
    })
final class DrillCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ACTOR = "drill";
  private static final Duration LEAST = Duration.ofSeconds(1);
  private static final int CALL_MS = 10_000; // nobody waits; a busy machine is no failed drill
  private static final int ATTEMPTS = 3;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--model", description = "only this model (default: every one that is served)")
  private @Nullable String model;

  @Option(
      names = "--every",
      description = "go on until it is ended, one rehearsal in this time (ISO 8601, as PT6H)")
  private @Nullable Duration every;

  @Option(names = "--json", description = "one JSON object a line")
  private boolean json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (every != null && every.compareTo(LEAST) < 0) {
      throw new Failure(Failure.USAGE, "--every is " + every + ", expected " + LEAST + " or more");
    }
    Settings settings = Settings.read(MlService.home(), System.getenv());
    try (RollbackDrill drill =
        new RollbackDrill(Artifacts.store(settings), settings.scoring().batchRows())) {
      return every == null ? round(drill, settings) : goOn(drill, settings, every);
    }
  }

  /** Until the process is ended. */
  private int goOn(RollbackDrill drill, Settings settings, Duration period)
      throws InterruptedException {
    while (true) {
      long next = System.nanoTime() + period.toNanos();
      try {
        round(drill, settings);
      } catch (IOException | RuntimeException e) {
        PrintWriter err = spec.commandLine().getErr();
        err.println("ml-service: no rehearsal: " + e.getMessage());
        err.flush();
      }
      TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
    }
  }

  private int round(RollbackDrill drill, Settings settings)
      throws IOException, InterruptedException {
    Vertx vertx = Vertx.vertx();
    try {
      RegistryDatabase registry = DirectRegistry.open(vertx, settings, "drill", CALL_MS);
      List<String> models = models(registry);
      boolean passed = !models.isEmpty();
      for (String each : models) {
        DrillResult result = rehearse(drill, registry, each);
        String audit = await(registry.drills().record(result, ACTOR)).id().toString();
        print(result, audit);
        passed &= result.outcome() == Outcome.PASSED;
      }
      if (models.isEmpty()) {
        throw new Failure(Failure.NO, "no model is served, expected at least one");
      }
      return passed ? 0 : Failure.NO;
    } finally {
      await(vertx.close());
    }
  }

  private List<String> models(RegistryDatabase registry) throws InterruptedException {
    return model == null
        ? await(registry.controlState()).pointers().stream().map(Pointer::model).toList()
        : List.of(pointer(registry, model).model());
  }

  /** What was rehearsed while somebody changed the version says nothing of the one that is now. */
  private static DrillResult rehearse(RollbackDrill drill, RegistryDatabase registry, String model)
      throws InterruptedException {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      Pointer before = pointer(registry, model);
      DrillResult result = drill.run(before, m -> target(registry, m));
      if (pointer(registry, model).revision() == before.revision()) {
        return result;
      }
    }
    throw new Failure(
        Failure.UNAVAILABLE, model + " was changed during each of " + ATTEMPTS + " rehearsals");
  }

  private static Pointer pointer(RegistryDatabase registry, String model)
      throws InterruptedException {
    ControlState state = await(registry.controlState());
    return state
        .pointer(model)
        .orElseThrow(
            () ->
                new Failure(
                    Failure.NO,
                    "model "
                        + model
                        + " is not served, expected one of "
                        + state.pointers().stream().map(Pointer::model).toList()));
  }

  private static Deployment target(RegistryDatabase registry, String model)
      throws InterruptedException {
    RollbackCommand asked =
        new RollbackCommand(model, ACTOR, "a rehearsal", null, null, null, null);
    return await(registry.deployments().rollbackTarget(asked));
  }

  private void print(DrillResult result, String audit) {
    PrintWriter out = spec.commandLine().getOut();
    DrillResult.Times times = result.times();
    if (json) {
      ObjectNode line = JSON.createObjectNode().put("modelId", result.model());
      line.put("outcome", result.outcome().wire());
      line.put("from", result.active()).put("to", result.target());
      if (times != null) {
        line.put("warmMs", Math.round(times.warmSeconds() * 1e3));
        line.put("diskMs", Math.round(times.diskSeconds() * 1e3));
      } else {
        line.put("reason", result.detail());
      }
      out.println(line.put("auditId", audit));
    } else {
      out.printf(
          "%s %s %s -> %s, %s, audit %s%n",
          result.outcome().wire(),
          result.model(),
          result.active(),
          result.target() == null ? "none" : result.target(),
          times == null
              ? "FAILED: " + result.detail()
              : "%.0f ms warm, %.0f ms from disk"
                  .formatted(times.warmSeconds() * 1e3, times.diskSeconds() * 1e3),
          audit);
    }
    out.flush();
  }

  private static <T> T await(Future<T> future) throws InterruptedException {
    return DirectRegistry.await(future, CALL_MS);
  }
}
