package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "drift",
    description = {
      "Show how far what arrives is from what each version was trained on: of the score and of",
      "every feature, over the last hour, or over the last day where that has fewer than 500 rows.",
      "Exit code 1 when something has drifted."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service drift",
      "  bin/ml-service drift --model risk-score --json"
    })
final class DriftCommand implements Callable<Integer> {
  private static final Pattern SERVED =
      Pattern.compile("^apgms_ml_drift_rows\\{[^}]*\\bmodel=\"([^\"]+)\"", Pattern.MULTILINE);

  @Mixin private final AdminClient admin = new AdminClient();

  @Option(names = "--model", description = "only this model")
  private @Nullable String model;

  @Override
  public Integer call() {
    ObjectNode out = new ObjectMapper().createObjectNode();
    ArrayNode answers = out.putArray("models");
    for (String id : models()) {
      answers.add(admin.call("GET", "/admin/models/" + id + "/drift", null));
    }
    boolean drifted = false;
    for (JsonNode answer : answers) {
      for (JsonNode version : answer.path("versions")) {
        drifted |= version.path("drifted").asBoolean();
      }
    }
    if (!admin.printedAsJson(out)) {
      answers.forEach(this::print);
    }
    return drifted ? Failure.NO : 0;
  }

  /** Those that the service serves, as its metrics name them. */
  private List<String> models() {
    if (model != null) {
      return List.of(model);
    }
    return SERVED
        .matcher(admin.text("/metrics"))
        .results()
        .map(found -> found.group(1))
        .distinct()
        .sorted()
        .toList();
  }

  private void print(JsonNode answer) {
    for (JsonNode version : answer.path("versions")) {
      admin
          .out()
          .printf(
              "%s %s%s, %d rows in %s%n",
              answer.path("modelId").asText(),
              version.path("version").asText(),
              version.path("active").asBoolean() ? " (active)" : "",
              version.path("score").path("rows").asLong(),
              version.path("window").asText());
      print("(score)", version.path("score"));
      for (JsonNode feature : version.path("features")) {
        print(feature.path("name").asText(), feature);
      }
    }
  }

  private void print(String name, JsonNode column) {
    admin
        .out()
        .printf(
            "  %-32s %-17s psi %s of %s  js %s  missing %s  out of range %s%n",
            name,
            column.path("verdict").asText(),
            figure(column.path("psi")),
            figure(column.path("threshold")),
            figure(column.path("jensenShannon")),
            figure(column.path("missingRatio")),
            figure(column.path("outOfRangeRatio")));
  }

  private static String figure(JsonNode value) {
    return value.isNumber() ? String.format(Locale.ROOT, "%.3f", value.asDouble()) : "-";
  }
}
