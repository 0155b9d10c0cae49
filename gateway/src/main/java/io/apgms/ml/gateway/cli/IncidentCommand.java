package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.incident.AuditLine;
import io.apgms.ml.gateway.incident.Bounds;
import io.apgms.ml.gateway.incident.Deployed;
import io.apgms.ml.gateway.incident.Feedback;
import io.apgms.ml.gateway.incident.Grid;
import io.apgms.ml.gateway.incident.PrometheusReader;
import io.apgms.ml.gateway.incident.Reading;
import io.apgms.ml.gateway.incident.Series;
import io.apgms.ml.gateway.incident.Situation;
import io.apgms.ml.gateway.incident.ToldAlert;
import io.apgms.ml.gateway.incident.Triage;
import io.apgms.ml.gateway.incident.TriageReport;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Incidents from a shell. */
@Command(
    name = "incident",
    description =
        "What leads and what to do next, the review afterwards, the watch of a promotion.",
    subcommands = {IncidentCommand.TriageIt.class, IncidentReview.class, IncidentWatch.class})
final class IncidentCommand {
  /** What the grid is read of; the others only make sense of a whole window. */
  static final Set<Series> OVER_TIME =
      EnumSet.complementOf(EnumSet.of(Series.LABELS, Series.DECISIONS));

  @Command(
      name = "triage",
      description = {
        "Say which of errors, latency and drift leads, since when, what changed just before, and what",
        "the runbook says to do next. Reads Prometheus, or else the service's own metrics twice.",
        "Exit code 0 where nothing leads, 1 where something does, 3 where nothing can be read."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service incident triage --model risk-score --prometheus http://prometheus:9090",
        "  bin/ml-service incident triage --model risk-score --since 6h --incident INC-1"
      })
  static final class TriageIt implements Callable<Integer> {
    private static final Duration DAY = Duration.ofHours(24);
    private static final long LEAST = 20; // requests that say something

    @Mixin private final IncidentReads reads = new IncidentReads();

    @Option(
        names = "--since",
        defaultValue = "1h",
        description = "how far back to look, 1m to 7d (default ${DEFAULT-VALUE})")
    private String since = "";

    @Option(
        names = "--gap",
        defaultValue = "5s",
        description = "without Prometheus: between the two readings (default ${DEFAULT-VALUE})")
    private String gap = "";

    @Option(names = "--incident", defaultValue = "", description = "its name, for the commands")
    private String incident = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      String model = reads.model();
      Duration back = Spans.parse("--since", since, Duration.ofMinutes(1), Duration.ofDays(7));
      Duration between = Spans.parse("--gap", gap, Duration.ofSeconds(1), Duration.ofMinutes(5));
      if (!incident.matches("[A-Za-z0-9_-]{0,64}")) {
        throw new Failure(
            Failure.USAGE, "--incident '" + incident + "', expected letters, digits, '-' and '_'");
      }
      Deployed deployed = reads.deployed();
      Instant now = Instant.now();
      Bounds bounds = reads.bounds(deployed.watched(now));
      Situation situation = byPrometheus(model, deployed, bounds, Grid.over(now, back, back));
      if (situation == null) {
        situation = byPages(model, deployed, bounds, between);
      }
      if (reads.admin().json()) {
        reads.admin().out().println(TriageReport.json(situation).toPrettyString());
      } else {
        TriageReport.text(situation).forEach(reads.admin().out()::println);
      }
      reads.admin().out().flush();
      return situation.verdict().leading() == null ? 0 : Failure.NO;
    }

    /** Null where there is none that knows the model. */
    private @Nullable Situation byPrometheus(
        String model, Deployed deployed, Bounds bounds, Grid asked) throws InterruptedException {
      PrometheusReader prometheus = reads.prometheus();
      if (prometheus == null) {
        return null;
      }
      try {
        Duration back = Duration.between(asked.from(), asked.to());
        Grid grid = Grid.over(asked.to(), back, prometheus.scrape(asked.to()));
        Reading reading = prometheus.read(model, OVER_TIME, grid);
        if (reading.of(Series.REQUESTS).isEmpty() && reading.of(Series.REVISION).isEmpty()) {
          reads.unknown("Prometheus has no series of " + model);
          return null;
        }
        Set<Series> labels = EnumSet.of(Series.LABELS, Series.LABEL_VOLUME);
        Feedback feedback =
            Feedback.of(
                prometheus.read(model, labels, Grid.whole(grid.from(), grid.to())),
                prometheus.read(model, labels, Grid.whole(grid.from().minus(DAY), grid.from())));
        Triage.Verdict verdict = Triage.of(reading, bounds, prometheus.onset(model, grid, bounds));
        String source = "Prometheus, every " + grid.step().toMillis() / 1e3 + " s";
        return situation(reading, verdict, deployed, feedback, source);
      } catch (IOException e) {
        reads.unknown("Prometheus: " + IncidentReads.firstLine(e));
        return null;
      }
    }

    private Situation byPages(String model, Deployed deployed, Bounds bounds, Duration between)
        throws IOException, InterruptedException {
      String first = reads.admin().text("/metrics");
      Thread.sleep(between.toMillis());
      String second = reads.admin().text("/metrics");
      Instant at = Instant.now();
      Reading sinceStart = sinceStart(model, second, at);
      if (sinceStart.of(Series.REVISION).isEmpty()) {
        throw new Failure(Failure.USAGE, "--model '" + model + "', expected one that is served");
      }
      Reading lately = Reading.ofPages(model, first, second, Grid.whole(at.minus(between), at));
      boolean few = lately.requests() < LEAST;
      Reading reading = few ? sinceStart : lately;
      reads.unknown(
          "since when, alerts not told of, other replicas, the usual of labels: they need Prometheus"
              + " (ML_PROMETHEUS_URL)");
      String source =
          "this replica's own metrics, "
              + (few
                  ? "since its start: fewer than " + LEAST + " requests in " + gap
                  : "read twice, " + gap + " apart");
      Feedback feedback =
          Feedback.of(sinceStart, new Reading(Grid.whole(at.minus(DAY), at), Map.of()));
      Triage.Verdict verdict = Triage.of(reading, bounds, (symptom, crossing) -> crossing);
      return situation(reading, verdict, deployed, feedback, source);
    }

    private static Reading sinceStart(String model, String page, Instant at) {
      Reading any = Reading.ofPages(model, "", page, Grid.whole(at.minus(DAY), at));
      double started = any.last(Series.STARTED);
      return Double.isNaN(started)
          ? any
          : Reading.ofPages(
              model, "", page, Grid.whole(Instant.ofEpochMilli(Math.round(started * 1e3)), at));
    }

    private Situation situation(
        Reading reading,
        Triage.Verdict verdict,
        Deployed deployed,
        Feedback feedback,
        String source) {
      Instant to = reading.grid().to();
      Instant since =
          verdict.leading() == null || verdict.leading().since() == null
              ? to
              : verdict.leading().since();
      List<AuditLine> audit = reads.audit(since.minus(Duration.ofMinutes(31)), to);
      List<ToldAlert> told = reads.told();
      return Situation.of(
          reading,
          verdict,
          new Situation.Around(source, deployed, audit, feedback, told, incident, reads.unknown()));
    }
  }
}
