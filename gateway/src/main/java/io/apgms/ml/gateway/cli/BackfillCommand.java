package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "backfill",
    description = {
      "Bring labels in from a file: one JSON object a line, each as POST /ml/feedback takes it, with",
      "an idempotencyKey of its own if it has one. A line that cannot be taken is told with its",
      "number and reason, and keeps no other back.",
      "The position that is committed is kept in FILE.progress: the same command goes on there.",
      "A line that was sent before is not a second label, so starting over is safe too."
    },
    footer = {
      "",
      "Exit codes: 0 every line is a label, 1 some were rejected, 3 the service is away (run it again).",
      "",
      "Examples:",
      "  bin/ml-service feedback backfill labels.ndjson",
      "  ML_TOKEN=… bin/ml-service feedback backfill labels.ndjson --url https://ml.example:8080"
    })
final class BackfillCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_PRINTED = 1_000;

  @Mixin private final ApiClient api = new ApiClient();

  @Parameters(paramLabel = "FILE", description = "labels, NDJSON in UTF-8")
  private Path file = Path.of("");

  @Option(names = "--restart", description = "from the first line, whatever FILE.progress says")
  private boolean restart;

  @Option(names = "--json", description = "print the counts and rejections as JSON")
  private boolean json;

  private final ObjectNode total = JSON.createObjectNode();
  private final ArrayNode rejections = JSON.createArrayNode();

  @Override
  public Integer call() throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new Failure(Failure.USAGE, file + " is not there, expected a file of labels");
    }
    Path kept = file.resolveSibling(file.getFileName() + ".progress");
    if (restart) {
      Files.deleteIfExists(kept);
    }
    try (LabelSlices slices = LabelSlices.open(file, kept);
        ConsoleProgress progress = new ConsoleProgress()) {
      long resumed = slices.line();
      while (slices.next()) {
        progress.report("labels", percent(slices.byteOffset()), 100);
        send(slices);
      }
      progress.end();
      Files.deleteIfExists(kept);
      return print(slices.line(), resumed);
    }
  }

  private int percent(long bytes) throws IOException {
    long size = Math.max(1, Files.size(file));
    return (int) Math.min(100, bytes * 100 / size);
  }

  private void send(LabelSlices slices) throws IOException {
    JsonNode answer =
        AdminClient.answer(
            api.call(
                "POST",
                "/ml/feedback/backfill?after=" + slices.line(),
                "application/x-ndjson",
                BodyPublishers.ofByteArray(slices.bytes()),
                BodyHandlers.ofString()));
    for (String count : new String[] {"recorded", "repeated", "rejected"}) {
      total.put(count, total.path(count).asLong() + answer.path(count).asLong());
    }
    for (JsonNode rejection : answer.path("rejections")) {
      tell(rejection);
    }
    slices.committed(answer.path("committedLine").asLong());
  }

  private void tell(JsonNode rejection) {
    if (rejections.size() < MAX_PRINTED) {
      rejections.add(rejection);
      if (!json) {
        api.err()
            .printf(
                "line %d: %s%n",
                rejection.path("line").asLong(), rejection.path("reason").asText());
      }
    }
  }

  private int print(long lines, long resumed) {
    long rejected = total.path("rejected").asLong();
    if (json) {
      total.put("lines", lines).put("resumedAfter", resumed).set("rejections", rejections);
      api.out().println(total);
    } else {
      api.out()
          .printf(
              "%d lines%s: %d recorded, %d were labels before, %d rejected%n",
              lines,
              resumed == 0 ? "" : " (resumed after " + resumed + ")",
              total.path("recorded").asLong(),
              total.path("repeated").asLong(),
              rejected);
    }
    return rejected == 0 ? 0 : Failure.NO;
  }
}
