package io.apgms.ml.gateway.incident;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which symptom leads. The rule:
 *
 * <ol>
 *   <li>A symptom counts while it is over its bound ({@link Bounds}). How far is how often the
 *       bound, at the worst, and ten times is as bad as it gets.
 *   <li>Where both latency and errors count, and at least half of the failures are refusals for
 *       want of time or room (overloaded, limited, expired), the errors follow the latency; where
 *       at least half are a log that cannot be written (not_logged, unknown_outcome), the latency
 *       follows the errors. What follows does not lead.
 *   <li>The one that is further over leads; of equals the one that crossed first; then errors
 *       before latency before drift.
 *   <li>Where none is over but the error budget burns as for a page (14.4 over 1 h and 5 m, or 6
 *       over 6 h and 30 m), and the newest window fails at more than 6 times what the SLO allows,
 *       the larger part of that leads.
 * </ol>
 */
public final class Triage {
  static final double MOST_TIMES = 10;
  private static final Set<String> NO_ROOM = Set.of("overloaded", "limited", "expired");
  private static final Set<String> NO_LOG = Set.of("not_logged", "unknown_outcome");
  private static final double FAST = 14.4;
  private static final double SLOW = 6;

  private final Reading reading;
  private final Bounds bounds;
  private final Map<Symptom, Finding> findings = new EnumMap<>(Symptom.class);

  /** Finds the scrape of a crossing that is known to a step of the grid. */
  public interface Onset {
    /** Reads closer, or gives the crossing back. */
    Instant of(Symptom symptom, Instant crossing) throws IOException;
  }

  /**
   * The answer.
   *
   * @param leading null where nothing leads
   * @param why by which part of the rule
   */
  public record Verdict(@Nullable Finding leading, String why, List<Finding> findings) {
    /** Of one symptom; each is there. */
    public Finding of(Symptom symptom) {
      return findings.stream().filter(f -> f.symptom() == symptom).findFirst().orElseThrow();
    }
  }

  private Triage(Reading reading, Bounds bounds) {
    this.reading = reading;
    this.bounds = bounds;
  }

  /** Judges what was read. */
  public static Verdict of(Reading reading, Bounds bounds, Onset onset) throws IOException {
    Triage triage = new Triage(reading, bounds);
    Symptoms symptoms = new Symptoms(reading, bounds);
    for (Symptom symptom : Symptom.values()) {
      Finding finding = symptoms.of(symptom);
      Instant since = finding.since();
      triage.findings.put(
          symptom, since == null ? finding : finding.from(onset.of(symptom, since)));
    }
    return triage.lead();
  }

  private Finding finding(Symptom symptom) {
    return java.util.Objects.requireNonNull(findings.get(symptom));
  }

  private Verdict lead() {
    List<Finding> all = List.copyOf(findings.values());
    List<Finding> over = new ArrayList<>(all.stream().filter(Finding::over).toList());
    if (over.isEmpty()) {
      return burning(all);
    }
    String follows = follower(over);
    over.sort(
        Comparator.comparingLong(Finding::tenths)
            .reversed()
            .thenComparing(f -> f.since() == null ? Instant.MAX : f.since())
            .thenComparing(Finding::symptom));
    Finding first = over.get(0);
    String why = first.symptom().word() + " " + first.timesText() + " times its bound";
    if (over.size() > 1 && over.get(1).tenths() == first.tenths()) {
      why += ", " + over.get(1).symptom().word() + " as far but later";
    }
    return new Verdict(first, follows.isEmpty() ? why : why + "; " + follows, all);
  }

  /** Takes out what follows from another symptom; says so. */
  private String follower(List<Finding> over) {
    Finding errors = finding(Symptom.ERRORS);
    Finding latency = finding(Symptom.LATENCY);
    if (!errors.over() || !latency.over()) {
      return "";
    }
    Instant at = reading.grid().to();
    Map<String, Double> kinds = Details.failures(reading, at);
    double all = kinds.values().stream().mapToDouble(v -> v).sum();
    if (all > 0 && sum(kinds, NO_ROOM) >= all / 2) {
      over.remove(errors);
      return "the errors follow: they are refusals for want of time or room";
    }
    if (all > 0 && sum(kinds, NO_LOG) >= all / 2) {
      over.remove(latency);
      return "the latency follows: decisions cannot be logged";
    }
    return "";
  }

  private static double sum(Map<String, Double> kinds, Set<String> of) {
    return of.stream().mapToDouble(kind -> kinds.getOrDefault(kind, 0.0)).sum();
  }

  private Verdict burning(List<Finding> all) {
    Instant at = reading.grid().to();
    Flow flow = Flow.at(reading, bounds, at);
    double allowed = 1 - bounds.availability();
    boolean now =
        flow.all() >= Bounds.LEAST
            && flow.failed() + flow.late() >= Bounds.LEAST_WRONG
            && (flow.failed() + flow.late()) / flow.all() > SLOW * allowed;
    boolean page =
        (burn("1h") > FAST && burn("5m") > FAST) || (burn("6h") > SLOW && burn("30m") > SLOW);
    if (!now || !page) {
      return new Verdict(null, "nothing is over its bound", all);
    }
    Finding leading = finding(flow.failed() >= flow.late() ? Symptom.ERRORS : Symptom.LATENCY);
    return new Verdict(
        leading, "within its bound, but most of what burns the error budget as for a page", all);
  }

  private double burn(String window) {
    return reading.last(Series.BURN, track -> track.label("window").equals(window));
  }
}
