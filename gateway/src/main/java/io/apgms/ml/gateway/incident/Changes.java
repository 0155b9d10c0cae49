package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What was changed: by the registry, the audit log, and the metrics for what neither knows. */
public final class Changes {
  /** What came longer before is not taken for a cause. */
  static final Duration BEFORE = Duration.ofMinutes(30);

  private static final Set<String> AUDITED = Set.of("mode.force", "mode.lift", "unpin", "cap");

  private Changes() {}

  /** All that are known, in their order. */
  public static List<Change> of(Deployed deployed, List<AuditLine> audit, Reading reading) {
    List<Change> changes = new ArrayList<>(deployed.changes());
    for (AuditLine line : audit) {
      if (AUDITED.contains(line.action()) && line.concerns(deployed.model())) {
        Change.Kind kind = line.action().equals("unpin") ? Change.Kind.unpin : Change.Kind.mode;
        changes.add(new Change(line.at(), kind, line.what(), null, null, line.id()));
      }
    }
    changes.addAll(modes(reading, changes));
    changes.addAll(restarts(reading));
    changes.addAll(silences(reading));
    if (deployed.newestFirst().isEmpty()) {
      changes.addAll(revisions(reading));
    }
    changes.sort(Comparator.comparing(Change::at));
    return changes;
  }

  /**
   * Those that may be why.
   *
   * @param until the scrape that showed it
   */
  public static List<Change> before(List<Change> changes, Instant until) {
    return changes.stream()
        .filter(c -> !c.at().isAfter(until) && !c.at().isBefore(until.minus(BEFORE)))
        .toList();
  }

  /** Of the flag's: those that nobody forced. */
  private static List<Change> modes(Reading reading, List<Change> known) {
    List<Change> changes = new ArrayList<>();
    Duration near = reading.grid().step().multipliedBy(2).plusSeconds(5);
    for (Track track : reading.of(Series.MODE)) {
      double before = Double.NaN;
      for (Map.Entry<Instant, Double> point : track.points().entrySet()) {
        Instant at = point.getKey();
        boolean forced =
            known.stream()
                .anyMatch(
                    c ->
                        c.kind() == Change.Kind.mode
                            && !c.at().isAfter(at)
                            && c.at().isAfter(at.minus(near)));
        if (before == 0 && point.getValue() == 1 && !forced) {
          changes.add(
              Change.of(at, Change.Kind.mode, "decides in " + track.label("mode") + " (metric)"));
        }
        before = point.getValue();
      }
    }
    return changes;
  }

  private static List<Change> restarts(Reading reading) {
    List<Change> changes = new ArrayList<>();
    Instant from = reading.grid().from();
    for (Track track : reading.of(Series.STARTED)) {
      track.points().values().stream()
          .distinct()
          .filter(seconds -> !seconds.isNaN())
          .map(seconds -> Instant.ofEpochMilli(Math.round(seconds * 1e3)))
          .filter(at -> at.isAfter(from.minus(BEFORE)))
          .forEach(
              at ->
                  changes.add(
                      Change.of(
                          at, Change.Kind.restart, replica(track) + " was started (metric)")));
    }
    return changes;
  }

  private static List<Change> silences(Reading reading) {
    List<Change> changes = new ArrayList<>();
    for (Track track : reading.of(Series.UP)) {
      double before = Double.NaN;
      for (Map.Entry<Instant, Double> point : track.points().entrySet()) {
        double now = point.getValue();
        if (now != before && !Double.isNaN(before)) {
          String what = now == 0 ? " no longer answers" : " answers again";
          changes.add(
              Change.of(point.getKey(), Change.Kind.replica, replica(track) + what + " (metric)"));
        }
        before = now;
      }
    }
    return changes;
  }

  private static List<Change> revisions(Reading reading) {
    List<Change> changes = new ArrayList<>();
    for (Track track : reading.of(Series.REVISION)) {
      double before = Double.NaN;
      for (Map.Entry<Instant, Double> point : track.points().entrySet()) {
        double now = point.getValue();
        if (now != before && !Double.isNaN(before)) {
          String what = Words.text("revision %.0f -> %.0f (metric)", before, now);
          changes.add(Change.of(point.getKey(), Change.Kind.promote, what));
        }
        before = now;
      }
    }
    return changes;
  }

  private static String replica(Track track) {
    return track.label("instance").isEmpty() ? "this replica" : track.label("instance");
  }
}
