package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.ScoreReader;
import io.apgms.ml.gateway.http.StrictJson;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ServedModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "score",
    description = {
      "Score rows offline with the very code that serves; one JSON result a line, in order.",
      "A line is the inputs alone, or a whole body of POST /ml/score. Nothing is logged or decided.",
      "Exit code 1 when a line was refused."
    },
    footer = {
      "",
      "Example:",
      "  bin/ml-service score --model risk-score --file rows.ndjson > scores.ndjson"
    })
final class ScoreCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CHUNK = OfflineScorer.CHUNK;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--model", required = true, description = "model id")
  private String model = "";

  @Option(names = "--version", description = "version (default: the newest in the registry)")
  private @Nullable String version;

  @Option(names = "--file", required = true, description = "rows, one JSON object a line")
  private Path file = Path.of("");

  private long line;
  private long refused;

  @Override
  public Integer call() throws Exception {
    ArtifactStore store = Artifacts.store(Settings.read(MlService.home(), System.getenv()));
    try (OfflineScorer scorer = OfflineScorer.open(store.load(model, version(store)));
        BufferedReader in = Files.newBufferedReader(file)) {
      ServedModel served = scorer.served();
      ScoreReader reader = new ScoreReader(id -> id.equals(model) ? served : null);
      while (chunk(in, reader, scorer)) {
        // one chunk is under way at a time
      }
    }
    spec.commandLine().getOut().flush();
    return refused == 0 ? 0 : Failure.NO;
  }

  private String version(ArtifactStore store) {
    if (version != null) {
      return version;
    }
    List<String> versions = store.versions(model);
    if (versions.isEmpty()) {
      throw new Failure(Failure.NO, "no version of model '" + model + "' in the registry");
    }
    return versions.get(versions.size() - 1);
  }

  /** Reads, scores and prints up to a chunk of lines; false at the end of the file. */
  private boolean chunk(BufferedReader in, ScoreReader reader, OfflineScorer scorer)
      throws IOException, InterruptedException {
    List<float[]> rows = new ArrayList<>();
    List<ObjectNode> results = new ArrayList<>();
    String text = in.readLine();
    for (; text != null; text = results.size() < CHUNK ? in.readLine() : null) {
      line++;
      ObjectNode result = JSON.createObjectNode().put("line", line);
      results.add(result);
      try {
        rows.add(reader.read(body(text)).row());
      } catch (Problem problem) {
        refuse(result, problem);
      }
      if (results.size() == CHUNK) {
        break;
      }
    }
    print(results, scorer.score(rows));
    return text != null;
  }

  private byte[] body(String text) {
    ObjectNode node = StrictJson.object(text.getBytes(StandardCharsets.UTF_8));
    ObjectNode body = node.has("inputs") ? node : JSON.createObjectNode().set("inputs", node);
    if (!body.has("modelId")) {
      body.put("modelId", model);
    }
    return body.toString().getBytes(StandardCharsets.UTF_8);
  }

  private void refuse(ObjectNode result, Problem problem) {
    refused++;
    result.put("error", problem.detail());
    ArrayNode errors = result.putArray("errors");
    for (FieldError e : problem.errors()) {
      errors.addObject().put("pointer", e.pointer()).put("detail", e.detail());
    }
  }

  private void print(List<ObjectNode> results, ScoreResult[] scored) {
    PrintWriter out = spec.commandLine().getOut();
    int next = 0;
    for (ObjectNode result : results) {
      if (!result.has("error")) {
        ScoreResult score = scored[next++];
        ServedModel by = score.model();
        if (score.outcome() == ScoreResult.Outcome.SCORED && by != null) {
          result.put("modelId", by.modelId()).put("modelVersion", by.version());
          result.put("score", score.score()).put("threshold", by.threshold());
          result.put("recommendation", score.score() >= by.threshold() ? "review" : "allow");
        } else {
          refused++;
          result.put("error", score.outcome().name());
        }
      }
      out.println(result);
    }
  }
}
