package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.incident.Bounds;
import io.apgms.ml.gateway.incident.Deployed;
import io.apgms.ml.gateway.incident.Figures;
import io.apgms.ml.gateway.incident.Grid;
import io.apgms.ml.gateway.incident.LabelCounts;
import io.apgms.ml.gateway.incident.PrometheusReader;
import io.apgms.ml.gateway.incident.Reading;
import io.apgms.ml.gateway.incident.Watch;
import io.apgms.ml.gateway.incident.WatchReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "watch",
    description = {
      "Close the watch of a promotion: its first 24 hours beside the 24 hours before. Exit code 0",
      "where it passes, 1 where it fails or is inconclusive, 3 where it cannot be judged yet."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service incident watch --model risk-score --out watch.md",
      "  bin/ml-service incident watch --model risk-score --revision 7 --so-far"
    })
final class IncidentWatch implements Callable<Integer> {
  @Mixin private final IncidentReads reads = new IncidentReads();

  @Option(names = "--revision", description = "which one (default: the newest promotion)")
  private @Nullable Integer revision;

  @Option(names = "--so-far", description = "judge what there is of the 24 hours")
  private boolean soFar;

  @Option(names = "--out", description = "file to write the report to, as Markdown")
  private @Nullable Path out;

  @Option(names = "--force", description = "write over a file that is there")
  private boolean force;

  /** Metrics of the time that is judged and of as long before. */
  private record Metrics(Reading reading, Figures after, @Nullable Figures before) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    String model = reads.model();
    Path file = out;
    if (file != null && Files.exists(file) && !force) {
      throw new Failure(
          Failure.USAGE, "'" + file + "' is there, expected a new file; --force writes over it");
    }
    Deployed deployed = Deployed.of(model, reads.deployments());
    Deployed.Revision of =
        deployed
            .promotion(revision)
            .orElseThrow(
                () ->
                    new Failure(
                        Failure.USAGE,
                        revision == null
                            ? "no promotion of " + model + ", expected one, or --revision"
                            : "no revision " + revision + " of " + model));
    Watch.Material material = material(deployed, of, until(of));
    List<Watch.Check> checks = Watch.checks(material);
    String page = WatchReport.markdown(material, checks);
    if (file != null) {
      Files.writeString(file, page);
    }
    reads
        .admin()
        .out()
        .println(
            reads.admin().json()
                ? WatchReport.json(material, checks).toPrettyString()
                : page.stripTrailing());
    reads.admin().out().flush();
    return Watch.outcome(checks) == Watch.Outcome.pass ? 0 : Failure.NO;
  }

  private Instant until(Deployed.Revision of) {
    Instant end = of.at().plus(Watch.LENGTH);
    Instant now = Instant.now();
    if (!end.isAfter(now)) {
      return end;
    }
    if (!soFar) {
      throw new Failure(
          Failure.UNAVAILABLE,
          "revision "
              + of.number()
              + " is from "
              + of.at()
              + ", expected 24 hours of it: it can be judged from "
              + end
              + " on, or --so-far");
    }
    return now;
  }

  private Watch.Material material(Deployed deployed, Deployed.Revision of, Instant until)
      throws InterruptedException {
    Bounds bounds = reads.bounds(false);
    Metrics metrics = metrics(deployed.model(), bounds, of, until);
    Instant earlier = of.at().minus(Duration.between(of.at(), until));
    LabelCounts after = reads.labels(of.version(), of.at(), until);
    LabelCounts before =
        of.from() == null
            ? new LabelCounts(Map.of(), false)
            : reads.labels(of.from(), earlier, of.at());
    return new Watch.Material(
        deployed.model(),
        of,
        until,
        bounds,
        metrics.after(),
        metrics.before(),
        metrics.reading(),
        after,
        before,
        deployed.next(of, until),
        reads.unknown());
  }

  private Metrics metrics(String model, Bounds bounds, Deployed.Revision of, Instant until) {
    PrometheusReader prometheus = reads.prometheus();
    try {
      if (prometheus != null) {
        Duration length = Duration.between(of.at(), until);
        Reading over =
            prometheus.read(
                model,
                IncidentCommand.OVER_TIME,
                Grid.over(until, length, prometheus.scrape(until)));
        Reading during = prometheus.whole(model, of.at(), until);
        Reading earlier = prometheus.whole(model, of.at().minus(length), of.at());
        return new Metrics(
            over,
            Figures.of(during, bounds, of.version()),
            of.from() == null ? null : Figures.of(earlier, bounds, of.from()));
      }
      reads.unknown("every figure of the metrics: they need Prometheus (ML_PROMETHEUS_URL)");
    } catch (IOException e) {
      reads.unknown("every figure of the metrics: " + IncidentReads.firstLine(e));
    }
    Reading none = new Reading(Grid.whole(of.at(), until), Map.of());
    return new Metrics(none, Figures.of(none, bounds, of.version()), null);
  }
}
