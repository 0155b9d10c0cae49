package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The post-incident review as Markdown. It names no person and repeats no free text: entries of the
 * audit log stand in it by their number.
 */
public final class Review {
  private static final int MOST_MOMENTS = 500;

  /**
   * What it is made of.
   *
   * @param incident its name; empty of none
   * @param reading over the window
   * @param before figures of as long before
   * @param budgetBefore what was left of the error budget at the start, NaN where not known
   * @param audit every entry of the window, in its order
   * @param chain what the check of the audit log says
   * @param holds of the versions that were left as bad, or of the active one
   */
  public record Material(
      String model,
      String incident,
      Instant from,
      Instant to,
      Reading reading,
      Bounds bounds,
      Triage.Verdict verdict,
      Figures during,
      Figures before,
      double budgetBefore,
      double budgetAfter,
      Deployed deployed,
      List<AuditLine> audit,
      String chain,
      List<Holds> holds,
      LabelCounts labels,
      List<String> unknown) {}

  private final Material of;
  private final Timeline timeline;
  private final StringBuilder page = new StringBuilder();

  private Review(Material of) {
    this.of = of;
    this.timeline = new Timeline(of);
  }

  /** The page. */
  public static String of(Material material) {
    Review review = new Review(material);
    review.summary();
    review.timeline();
    review.figures();
    review.blanks();
    review.remediation();
    review.sources();
    return review.page.toString();
  }

  private void line(String format, Object... arguments) {
    page.append(arguments.length == 0 ? format : Words.text(format, arguments)).append('\n');
  }

  private void summary() {
    Finding main = timeline.main();
    line(
        "# Post-incident review%s: %s",
        of.incident().isEmpty() ? "" : " " + of.incident(),
        main == null ? of.model() : main.symptom().word() + " of " + of.model());
    line("");
    line(
        "%s to %s (%s), model `%s`.",
        Words.at(of.from()),
        Words.at(of.to()),
        Words.time(Duration.between(of.from(), of.to())),
        of.model());
    line("");
    line("## Summary");
    line("");
    if (main == null) {
      line("No symptom was over its bound in this window.");
    } else {
      line(
          "- What led: **%s**, %s times its bound: %s.",
          main.symptom().word(), main.timesText(), main.detail());
      times(main);
    }
    for (Deployed.Revision revision : of.deployed().newestFirst()) {
      if (inWindow(revision.at()) && revision.leftAsBad() != null) {
        line(
            "- %s was left by revision %d (%s) for %s.",
            revision.leftAsBad(), revision.number(), revision.kind(), revision.version());
      }
    }
    line("");
  }

  private boolean inWindow(Instant at) {
    return !at.isBefore(of.from()) && !at.isAfter(of.to());
  }

  private void times(Finding main) {
    Instant since = main.since() == null ? of.from() : main.since();
    line("- It began at %s.", since);
    List<Change> before =
        Changes.before(Changes.of(of.deployed(), of.audit(), of.reading()), since.plusSeconds(1));
    line(
        "- Just before: %s.",
        before.isEmpty()
            ? "nothing that is known"
            : before.get(before.size() - 1).what()
                + " at "
                + Words.at(before.get(before.size() - 1).at()));
    measured("Time to detect", since, detected(main, since));
    measured("Time to mitigate", since, timeline.mitigation(since).map(AuditLine::at).orElse(null));
    measured("Time to recover", since, main.until());
  }

  private @Nullable Instant detected(Finding main, Instant since) {
    Instant alert = timeline.firstAlert(main).map(Alerts.Firing::since).orElse(null);
    Instant act = timeline.mitigation(since).map(AuditLine::at).orElse(null);
    return alert == null || (act != null && act.isBefore(alert)) ? act : alert;
  }

  private void measured(String what, Instant since, @Nullable Instant until) {
    line(
        "- %s: %s.",
        what, until == null ? "not in this window" : Words.time(Duration.between(since, until)));
  }

  private void timeline() {
    line("## Timeline");
    line("");
    line("| when | what | by |");
    line("|---|---|---|");
    List<Timeline.Moment> moments = timeline.moments();
    for (Timeline.Moment moment : moments.subList(0, Math.min(MOST_MOMENTS, moments.size()))) {
      line(
          "| %s | %s | %s |",
          moment.at().truncatedTo(java.time.temporal.ChronoUnit.MILLIS),
          cell(moment.what()),
          moment.source());
    }
    line("");
    if (moments.size() > MOST_MOMENTS) {
      line("%d more are left out: take a shorter window.", moments.size() - MOST_MOMENTS);
    }
    if (timeline.refusals() > 0) {
      line("Calls that were refused for want of a role: %d.", timeline.refusals());
    }
    line("Audit log: %s.", of.chain());
    for (String gap : timeline.gaps()) {
      line("**The audit log lacks entries %s.**", gap);
    }
    line("");
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("\n", " ");
  }

  private void figures() {
    Figures now = of.during();
    Figures before = of.before();
    line("## Figures");
    line("");
    line("| | in the window | as long before |");
    line("|---|---|---|");
    line("| requests | %.0f | %.0f |", now.requests(), before.requests());
    line(
        "| errors and refusals | %.0f (%s) | %.0f (%s) |",
        now.failed(),
        Words.percent(now.failedShare()),
        before.failed(),
        Words.percent(before.failedShare()));
    line(
        "| answers over %d ms | %.0f | %.0f |",
        of.bounds().latency().toMillis(), now.late(), before.late());
    line("| p95 | %s | %s |", ms(now.p95Ms()), ms(before.p95Ms()));
    line("| p99 | %s | %s |", ms(now.p99Ms()), ms(before.p99Ms()));
    line("| decisions by mode | %s | %s |", modes(now), modes(before));
    line("| holds in force | %.0f | %.0f |", now.enforced(), before.enforced());
    line(
        "| review share | %s | %s |",
        Words.percent(now.reviewShare()), Words.percent(before.reviewShare()));
    line(
        "| error budget left | %s | %s |",
        Words.percent(of.budgetAfter()), Words.percent(of.budgetBefore()));
    line(
        "| error budget spent | %s | |",
        Words.percent(Math.max(0, of.budgetBefore() - of.budgetAfter())));
    line("| labels | %s | |", of.labels().text());
    for (Holds holds : of.holds()) {
      line(
          "| holds by %s, of them labelled | %d%s, %d | |",
          holds.version(), holds.enforced(), holds.more() ? " or more" : "", holds.labelled());
    }
    line("");
  }

  private static String ms(double value) {
    return Double.isNaN(value) ? "-" : Words.text("%.1f ms", value);
  }

  private static String modes(Figures figures) {
    StringBuilder text = new StringBuilder();
    figures
        .modes()
        .forEach(
            (mode, count) ->
                text.append(text.length() == 0 ? "" : ", ")
                    .append(Words.text("%.0f %s", count, mode)));
    return text.length() == 0 ? "-" : text.toString();
  }

  private void blanks() {
    for (String heading : new String[] {"Root cause", "What went well", "What went badly"}) {
      line("## " + heading);
      line("");
      line("_To be filled in._");
      line("");
    }
  }

  private void remediation() {
    line("## Remediation");
    line("");
    for (String item : Remediation.of(of, timeline)) {
      line("- [ ] " + item);
    }
    line("- [ ] _what else?_");
    line("");
  }

  private void sources() {
    line("## The same figures again");
    line("");
    line("`ML_PROMETHEUS_URL`, `ML_URL`, `ML_API_URL` and `ML_TOKEN` as for the command.");
    line("");
    line("```");
    long first = of.audit().isEmpty() ? 0 : of.audit().get(0).seq() - 1;
    line("bin/ml-service audit show --after " + first + " --limit 500");
    line("bin/ml-service audit verify");
    line("bin/ml-service history --model " + of.model());
    Duration window = Duration.between(of.from(), of.to());
    for (Series series :
        List.of(
            Series.REQUESTS,
            Series.BUCKETS,
            Series.ERRORS,
            Series.REJECTED,
            Series.DECISIONS,
            Series.BUDGET,
            Series.ALERTS)) {
      line(
          "curl -s $ML_PROMETHEUS_URL/api/v1/query --data-urlencode time="
              + Words.at(of.to())
              + " --data-urlencode 'query="
              + series.query(of.model(), window)
              + "'");
    }
    for (Holds holds : of.holds()) {
      String list =
          "curl -s \"$ML_API_URL/ml/predictions?modelId=%s&modelVersion=%s&enforced=true"
              + "&from=%s&to=%s\"";
      line(list, of.model(), holds.version(), Words.at(of.from()), Words.at(of.to()));
    }
    line(
        "curl -s \"$ML_API_URL/ml/feedback?modelId=%s&from=%s&to=%s\"",
        of.model(), Words.at(of.from()), Words.at(of.to()));
    line("```");
    if (!of.unknown().isEmpty()) {
      line("");
      line("Not known when this was written:");
      line("");
      of.unknown().forEach(what -> line("- " + what));
    }
  }
}
