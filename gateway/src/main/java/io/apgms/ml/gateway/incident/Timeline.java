package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What happened, in its order: from the audit log, the alerts and the metrics. */
final class Timeline {
  /** Written by the service for its own sake, or too often to be told one by one. */
  private static final Set<String> LEFT_OUT = Set.of("seal", "refused");

  private static final Set<String> MITIGATES = Set.of("mode.force", "rollback", "pin");
  private static final Duration SLACK = Duration.ofSeconds(2); // between clocks and scrapes

  /** One line. */
  record Moment(Instant at, String what, String source) {}

  private final Review.Material of;

  Timeline(Review.Material of) {
    this.of = of;
  }

  List<Moment> moments() {
    List<Moment> moments = new ArrayList<>();
    for (AuditLine line : of.audit()) {
      if (!LEFT_OUT.contains(line.action()) && line.concerns(of.model())) {
        moments.add(new Moment(line.at(), line.what(), "audit " + line.seq()));
      }
    }
    for (Change change : Changes.of(of.deployed(), of.audit(), of.reading())) {
      if (change.auditId() == null || of.audit().isEmpty()) {
        moments.add(new Moment(change.at(), change.what(), "metrics"));
      }
    }
    for (Alerts.Firing alert : Alerts.all(of.reading())) {
      String name = alert.name() + " (" + alert.severity() + ")";
      moments.add(new Moment(alert.since(), name + " fires", "alert"));
      if (alert.until() != null) {
        moments.add(new Moment(alert.until(), name + " is resolved", "alert"));
      }
    }
    for (Finding finding : of.verdict().findings()) {
      if (finding.since() != null) {
        moments.add(
            new Moment(finding.since(), finding.symptom().word() + " over the bound", "metrics"));
      }
      if (finding.until() != null) {
        moments.add(
            new Moment(finding.until(), finding.symptom().word() + " within again", "metrics"));
      }
    }
    moments.removeIf(m -> m.at().isBefore(of.from()) || m.at().isAfter(of.to()));
    moments.sort(Comparator.comparing(Moment::at));
    return moments;
  }

  /**
   * The symptom that the review is of: what leads, else what was furthest over, of equals first.
   */
  @Nullable Finding main() {
    Finding leading = of.verdict().leading();
    return leading != null
        ? leading
        : of.verdict().findings().stream()
            .filter(f -> f.since() != null)
            .min(
                Comparator.comparingLong((Finding f) -> -f.tenths())
                    .thenComparing(f -> f.since() == null ? Instant.MAX : f.since()))
            .orElse(null);
  }

  Optional<Alerts.Firing> firstAlert(Finding of) {
    Instant since = of.since() == null ? this.of.from() : of.since();
    return Alerts.all(this.of.reading()).stream()
        .filter(alert -> Alerts.tells(alert.name(), of.symptom()))
        .filter(alert -> !alert.since().isBefore(since.minus(SLACK)))
        .findFirst();
  }

  /** What somebody did about it. */
  Optional<AuditLine> mitigation(Instant since) {
    return of.audit().stream()
        .filter(line -> MITIGATES.contains(line.action()) && line.concerns(of.model()))
        .filter(line -> !line.at().isBefore(since.minus(SLACK)))
        .findFirst();
  }

  /** Entries that the log should have between two that were read, and has not. */
  List<String> gaps() {
    List<String> gaps = new ArrayList<>();
    long before = -1;
    for (AuditLine line : of.audit()) {
      if (before >= 0 && line.seq() != before + 1) {
        gaps.add(Words.text("%d to %d", before + 1, line.seq() - 1));
      }
      before = line.seq();
    }
    return gaps;
  }

  long refusals() {
    return of.audit().stream().filter(line -> line.action().equals("refused")).count();
  }
}
