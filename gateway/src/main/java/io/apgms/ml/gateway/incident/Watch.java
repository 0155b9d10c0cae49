package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The first 24 hours of a revision beside the 24 hours before it. It fails where any check fails,
 * and is inconclusive where one that must be known is not.
 *
 * <p>Shares are compared by the usual z of two proportions; beyond 3 is one chance in 700.
 */
public final class Watch {
  public static final Duration LENGTH = Duration.ofHours(24);

  /** Fewer requests say nothing of one in a thousand. */
  static final int LEAST_REQUESTS = 1_000;

  static final int LEAST_LABELS = 30;
  private static final double Z = 3;
  private static final double REVIEW_POINTS = 0.10;
  private static final double BUDGET = 0.10; // the runbook's reason to retrain
  private static final Duration DRIFT = Duration.ofHours(2); // the same

  /** How a check, or all of them, came out. */
  public enum Outcome {
    pass,
    fail,
    inconclusive
  }

  /**
   * One of them.
   *
   * @param required whether the whole is inconclusive where it is
   */
  public record Check(
      String name, Outcome outcome, String after, String before, String said, boolean required) {}

  /**
   * What it judges.
   *
   * @param until end of the time that is judged, {@link #LENGTH} after it unless it is cut short
   * @param after of the revision's version
   * @param before of the version before it; null where there was none
   * @param reading drift, budget and alerts over the time that is judged
   * @param next the revision after it, where one came within that time
   */
  public record Material(
      String model,
      Deployed.Revision revision,
      Instant until,
      Bounds bounds,
      Figures after,
      @Nullable Figures before,
      Reading reading,
      LabelCounts labelsAfter,
      LabelCounts labelsBefore,
      Deployed.@Nullable Revision next,
      List<String> unknown) {}

  private final Material of;
  private final List<Check> checks = new ArrayList<>();

  private Watch(Material of) {
    this.of = of;
  }

  /** Every check, in the order in which it is told. */
  public static List<Check> checks(Material material) {
    Watch watch = new Watch(material);
    watch.serving();
    watch.slo();
    watch.errors();
    watch.latency();
    watch.reviews();
    watch.drift();
    watch.labels();
    watch.budget();
    watch.alerts();
    return watch.checks;
  }

  /** The verdict over all of them. */
  public static Outcome outcome(List<Check> checks) {
    if (checks.stream().anyMatch(c -> c.outcome() == Outcome.fail)) {
      return Outcome.fail;
    }
    return checks.stream().anyMatch(c -> c.required() && c.outcome() == Outcome.inconclusive)
        ? Outcome.inconclusive
        : Outcome.pass;
  }

  private void add(String name, Outcome outcome, String after, String before, String said) {
    boolean required = !name.equals("drift") && !name.equals("labels");
    checks.add(new Check(name, outcome, after, before, said, required));
  }

  private static Outcome passIf(boolean good) {
    return good ? Outcome.pass : Outcome.fail;
  }

  private void serving() {
    Deployed.Revision next = of.next();
    add(
        "serving",
        passIf(next == null),
        of.revision().version(),
        "",
        next == null
            ? "served all the time"
            : Words.text(
                "left by revision %d (%s) after %s",
                next.number(),
                next.kind(),
                Words.time(Duration.between(of.revision().at(), next.at()))));
  }

  private void slo() {
    Figures now = of.after();
    double allowed = 1 - of.bounds().availability();
    String wrong = Words.text("%s of %.0f", Words.percent(now.badShare()), now.requests());
    if (now.requests() < LEAST_REQUESTS) {
      add("slo", Outcome.inconclusive, wrong, "", least(now.requests()));
      return;
    }
    add(
        "slo",
        passIf(now.badShare() <= allowed),
        wrong,
        of.before() == null ? "" : Words.percent(of.before().badShare()),
        "failed, refused or late, expected at most " + Words.percent(allowed));
  }

  private static String least(double requests) {
    return Words.text(
        "%.0f requests, expected at least %d to say anything", requests, LEAST_REQUESTS);
  }

  private void errors() {
    compare(
        "errors",
        of.after().failed(),
        of.before() == null ? Double.NaN : of.before().failed(),
        "failed or refused");
  }

  private void latency() {
    compare(
        "latency",
        of.after().late(),
        of.before() == null ? Double.NaN : of.before().late(),
        Words.text("over %d ms", of.bounds().latency().toMillis()));
  }

  /** Fails where it is more than chance and more than twice what it was. */
  private void compare(String name, double wrong, double wrongBefore, String what) {
    Figures now = of.after();
    Figures before = of.before();
    String after =
        Words.text("%s, p95 %.1f ms", Words.percent(wrong / now.requests()), now.p95Ms());
    if (before == null || before.requests() < LEAST_REQUESTS) {
      add(name, Outcome.inconclusive, after, "", "nothing before it to compare with");
      return;
    }
    if (now.requests() < LEAST_REQUESTS) {
      add(name, Outcome.inconclusive, after, "", least(now.requests()));
      return;
    }
    double share = wrong / now.requests();
    double shareBefore = wrongBefore / before.requests();
    boolean worse =
        share > 2 * shareBefore && z(wrong, now.requests(), wrongBefore, before.requests()) > Z;
    add(
        name,
        passIf(!worse),
        after,
        Words.text("%s, p95 %.1f ms", Words.percent(shareBefore), before.p95Ms()),
        what + (worse ? ": more than twice what it was" : ""));
  }

  /** Of two proportions, pooled; above 0 where the first is larger. */
  static double z(double wrong, double all, double wrongBefore, double allBefore) {
    double pooled = (wrong + wrongBefore) / (all + allBefore);
    double error = Math.sqrt(pooled * (1 - pooled) * (1 / all + 1 / allBefore));
    double difference = wrong / all - wrongBefore / allBefore;
    return difference == 0 || error == 0 ? 0 : difference / error;
  }

  private void reviews() {
    Figures now = of.after();
    Figures before = of.before();
    if (before == null || now.decisions() < LEAST_REQUESTS || before.decisions() < LEAST_REQUESTS) {
      add(
          "reviews",
          Outcome.inconclusive,
          Words.percent(now.reviewShare()),
          before == null ? "" : Words.percent(before.reviewShare()),
          "too few decisions to compare");
      return;
    }
    double moved = Math.abs(now.reviewShare() - before.reviewShare());
    boolean far =
        moved > REVIEW_POINTS
            && Math.abs(z(now.reviews(), now.decisions(), before.reviews(), before.decisions()))
                > Z;
    add(
        "reviews",
        passIf(!far),
        Words.percent(now.reviewShare()),
        Words.percent(before.reviewShare()),
        far ? "moved by more than ten points: was that meant?" : "share that is to be reviewed");
  }

  private void drift() {
    NavigableMap<Instant, Double> times =
        new Symptoms(of.reading(), of.bounds()).times(Symptom.DRIFT);
    double worst =
        times.values().stream().filter(v -> !v.isNaN()).max(Double::compare).orElse(-1.0);
    if (worst < 0) {
      add("drift", Outcome.inconclusive, "-", "", "too few rows, or nothing measures it");
      return;
    }
    Optional<Episode> longest =
        Episode.of(times, of.reading().grid()).stream()
            .filter(e -> Duration.between(e.since(), e.until()).compareTo(DRIFT) >= 0)
            .findFirst();
    add(
        "drift",
        passIf(longest.isEmpty()),
        Words.text("%.1f times its threshold at most", worst),
        "",
        longest
            .map(e -> Details.of(Symptom.DRIFT, of.reading(), of.bounds(), e.peakAt()))
            .orElse("never over it for two hours"));
  }

  private void labels() {
    LabelCounts now = of.labelsAfter();
    LabelCounts before = of.labelsBefore();
    if (now.judgedHolds() < LEAST_LABELS || before.judgedHolds() < LEAST_LABELS) {
      add(
          "labels",
          Outcome.inconclusive,
          now.text(),
          before.text(),
          "expected " + LEAST_LABELS + " judged reviews of each to say anything");
      return;
    }
    double z =
        z(
            (double) now.of("FALSE_POSITIVE"),
            (double) now.judgedHolds(),
            (double) before.of("FALSE_POSITIVE"),
            (double) before.judgedHolds());
    add(
        "labels",
        passIf(z <= Z),
        now.text(),
        before.text(),
        z > Z ? "more false positives than before" : "no more false positives than chance gives");
  }

  private void budget() {
    NavigableMap<Instant, Double> left = new TreeMap<>();
    for (Track track : of.reading().of(Series.BUDGET)) {
      for (Map.Entry<Instant, Double> point : track.points().entrySet()) {
        if (!point.getValue().isNaN()) {
          left.put(point.getKey(), point.getValue());
        }
      }
    }
    if (left.isEmpty()) {
      add("budget", Outcome.inconclusive, "-", "", "nothing is known of the error budget");
      return;
    }
    double spent = left.firstEntry().getValue() - left.lastEntry().getValue();
    add(
        "budget",
        passIf(spent <= BUDGET),
        Words.percent(left.lastEntry().getValue()) + " left",
        Words.percent(left.firstEntry().getValue()) + " left",
        Words.text(
            "%s of 30 days spent, expected at most %s",
            Words.percent(Math.max(0, spent)), Words.percent(BUDGET)));
  }

  private void alerts() {
    List<String> pages =
        Alerts.all(of.reading()).stream()
            .filter(alert -> alert.severity().equals("page"))
            .map(alert -> alert.name() + " at " + Words.at(alert.since()))
            .toList();
    add(
        "alerts",
        passIf(pages.isEmpty()),
        pages.isEmpty() ? "none" : String.join(", ", pages),
        "",
        "alerts that woke somebody");
  }
}
