package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.training.Training;
import io.apgms.ml.training.report.BiasReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "bias",
    description = {
      "Show how far each protected group of an evaluated run is from all rows, in percentage points.",
      "Whether that is too far is for the bias gate to say."
    },
    footer = {"", "Example:", "  bin/ml-service bias --run run/"})
final class BiasCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--run", required = true, description = "evaluated run folder")
  private Path run = Path.of("");

  @Option(names = "--json", description = "print the bias report as JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    BiasReport report = Training.bias(run);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(new ObjectMapper().writeValueAsString(report));
      return 0;
    }
    if (report.groups().isEmpty()) {
      out.println("no protected column in the schema: nothing was measured");
    }
    for (BiasReport.Group group : report.groups()) {
      BiasReport.Delta delta = group.delta();
      out.printf(
          "%-40s %6d rows, apart by %.1f (selection) %.1f (FPR) %.1f (FNR) %.1f (calibration)%n",
          group.column() + ": " + group.band(),
          group.n(),
          100 * delta.selectionRate(),
          100 * delta.falsePositiveRate(),
          100 * delta.falseNegativeRate(),
          100 * delta.calibrationGap());
    }
    return 0;
  }
}
