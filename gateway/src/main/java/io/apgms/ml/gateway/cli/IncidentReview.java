package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.incident.AuditLine;
import io.apgms.ml.gateway.incident.Bounds;
import io.apgms.ml.gateway.incident.Deployed;
import io.apgms.ml.gateway.incident.Figures;
import io.apgms.ml.gateway.incident.Grid;
import io.apgms.ml.gateway.incident.Holds;
import io.apgms.ml.gateway.incident.LabelCounts;
import io.apgms.ml.gateway.incident.PrometheusReader;
import io.apgms.ml.gateway.incident.Reading;
import io.apgms.ml.gateway.incident.Review;
import io.apgms.ml.gateway.incident.Series;
import io.apgms.ml.gateway.incident.Triage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "review",
    description = {
      "Write the post-incident review as Markdown: timeline from the audit log, the alerts and the",
      "metrics, figures, and what is left to do. It names no person. Without Prometheus it has the",
      "timeline and the holds alone."
    },
    footer = {
      "",
      "Example:",
      "  bin/ml-service incident review --model risk-score --from 2026-11-23T08:00:00Z \\",
      "      --to 2026-11-23T09:00:00Z --incident INC-1 --out review.md"
    })
final class IncidentReview implements Callable<Integer> {
  @Mixin private final IncidentReads reads = new IncidentReads();

  @Option(names = "--from", required = true, description = "RFC 3339")
  private String from = "";

  @Option(names = "--to", description = "RFC 3339 (default: now)")
  private @Nullable String to;

  @Option(names = "--incident", defaultValue = "", description = "its name")
  private String incident = "";

  @Option(names = "--out", required = true, description = "file to write")
  private Path out = Path.of("");

  @Option(names = "--force", description = "write over a file that is there")
  private boolean force;

  /** Metrics of the window and of as long before. */
  private record Metrics(
      Reading reading, Figures during, Figures before, double budgetBefore, double budgetAfter) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    String model = reads.model();
    Instant begin = Spans.at("--from", from);
    Instant now = Instant.now();
    Instant end = to == null ? now : Spans.at("--to", to);
    end = end.isAfter(now) ? now : end;
    if (Duration.between(begin, end).toMillis() < 1_000
        || Duration.between(begin, end).compareTo(Duration.ofDays(7)) > 0) {
      throw new Failure(
          Failure.USAGE,
          "--from " + begin + " --to " + end + ", expected a past window of 1 s to 7 days");
    }
    if (!incident.matches("[A-Za-z0-9_-]{0,64}")) {
      throw new Failure(
          Failure.USAGE, "--incident '" + incident + "', expected letters, digits, '-' and '_'");
    }
    if (Files.exists(out) && !force) {
      throw new Failure(
          Failure.USAGE, "'" + out + "' is there, expected a new file; --force writes over it");
    }
    Deployed deployed = reads.deployed();
    Bounds bounds = reads.bounds(deployed.watched(end));
    Metrics metrics = metrics(model, bounds, begin, end);
    Triage.Verdict verdict = verdict(model, bounds, metrics.reading());
    List<AuditLine> audit = reads.audit(begin, end);
    List<Holds> holds = holds(deployed, begin, end);
    LabelCounts labels = reads.labels(null, begin, end);
    String chain = reads.chain();
    String page =
        Review.of(
            new Review.Material(
                model,
                incident,
                begin,
                end,
                metrics.reading(),
                bounds,
                verdict,
                metrics.during(),
                metrics.before(),
                metrics.budgetBefore(),
                metrics.budgetAfter(),
                deployed,
                audit,
                chain,
                holds,
                labels,
                reads.unknown()));
    Files.writeString(out, page);
    reads.admin().out().printf("review of %s written to %s%n", model, out);
    return 0;
  }

  private Metrics metrics(String model, Bounds bounds, Instant begin, Instant end) {
    PrometheusReader prometheus = reads.prometheus();
    try {
      if (prometheus != null) {
        Duration length = Duration.between(begin, end);
        Grid grid = Grid.over(end, length, prometheus.scrape(end));
        Reading reading = prometheus.read(model, IncidentCommand.OVER_TIME, grid);
        Reading during = prometheus.whole(model, begin, end);
        Reading before = prometheus.whole(model, begin.minus(length), begin);
        Reading then = prometheus.read(model, EnumSet.of(Series.BUDGET), Grid.whole(begin, begin));
        return new Metrics(
            reading,
            Figures.of(during, bounds, null),
            Figures.of(before, bounds, null),
            then.last(Series.BUDGET),
            reading.last(Series.BUDGET));
      }
      reads.unknown("every figure of the metrics: they need Prometheus (ML_PROMETHEUS_URL)");
    } catch (IOException e) {
      reads.unknown("every figure of the metrics: " + IncidentReads.firstLine(e));
    }
    Reading none = new Reading(Grid.whole(begin, end), Map.of());
    Figures nothing = Figures.of(none, bounds, null);
    return new Metrics(none, nothing, nothing, Double.NaN, Double.NaN);
  }

  private Triage.Verdict verdict(String model, Bounds bounds, Reading reading) throws IOException {
    PrometheusReader prometheus = reads.prometheus();
    return Triage.of(
        reading,
        bounds,
        prometheus == null
            ? (symptom, crossing) -> crossing
            : prometheus.onset(model, reading.grid(), bounds));
  }

  private List<Holds> holds(Deployed deployed, Instant begin, Instant end)
      throws InterruptedException {
    List<Holds> holds = new ArrayList<>();
    for (String version : deployed.suspects(begin, end)) {
      Holds of = reads.holds(version, begin, end);
      if (of != null) {
        holds.add(of);
      }
    }
    return holds;
  }
}
