package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** What is left to do after an incident, as far as it follows from what was read. */
final class Remediation {
  private static final double BUDGET = 0.9; // less is the runbook's reason to retrain

  private final Review.Material of;
  private final Timeline timeline;
  private final List<String> items = new ArrayList<>();

  private Remediation(Review.Material of, Timeline timeline) {
    this.of = of;
    this.timeline = timeline;
  }

  static List<String> of(Review.Material material, Timeline timeline) {
    Remediation list = new Remediation(material, timeline);
    list.holds();
    list.versions();
    list.alerts();
    list.left();
    list.budget();
    list.log();
    return list.items;
  }

  private void holds() {
    for (Holds holds : of.holds()) {
      if (holds.unlabelled() > 0) {
        items.add(
            Words.text(
                "Check %d%s holds of %s that nobody has labelled: `bin/ml-service rollback --model"
                    + " %s --verify --missed missed.ndjson`, then `feedback backfill`",
                holds.unlabelled(), holds.more() ? " or more" : "", holds.version(), of.model()));
      }
    }
  }

  private void versions() {
    TreeSet<String> bad = new TreeSet<>();
    for (Deployed.Revision revision : of.deployed().newestFirst()) {
      String left = revision.leftAsBad();
      if (left != null && !revision.at().isBefore(of.from()) && !revision.at().isAfter(of.to())) {
        bad.add(left);
      }
    }
    for (String version : bad) {
      items.add(
          "Do not return to "
              + version
              + " before its root cause is known; where it must never come back: `bin/ml-service"
              + " keys revoke --model "
              + of.model()
              + " --version "
              + version
              + "`");
    }
  }

  private void alerts() {
    for (Finding finding : of.verdict().findings()) {
      Instant since = finding.since();
      if (since == null) {
        continue;
      }
      String word = finding.symptom().word();
      var alert = timeline.firstAlert(finding);
      if (alert.isEmpty()) {
        items.add(
            word + " over the bound since " + Words.at(since) + ", and no alert told of it: why?");
      }
      timeline
          .mitigation(since)
          .filter(act -> alert.isPresent() && act.at().isBefore(alert.get().since()))
          .ifPresent(
              act ->
                  items.add(
                      "Somebody acted on "
                          + word
                          + " before an alert did: should it come sooner?"));
    }
  }

  /** What was done for the time of the incident and still holds. */
  private void left() {
    boolean forced = false;
    boolean pinned = false;
    for (AuditLine line : of.audit()) {
      if (line.concerns(of.model())) {
        forced =
            line.action().equals("mode.force") || (forced && !line.action().equals("mode.lift"));
        pinned = line.action().equals("pin") || (pinned && !line.action().equals("unpin"));
      }
    }
    if (forced) {
      items.add(
          "Observe is still forced: `bin/ml-service mode lift --model "
              + of.model()
              + " --reason '…'` when it is over");
    }
    if (pinned) {
      items.add(
          "A version is still pinned: `bin/ml-service unpin --model "
              + of.model()
              + " --reason '…'` when it is over");
    }
  }

  private void budget() {
    if (of.budgetAfter() < 0) {
      items.add("The error budget is spent: promotions are refused until it recovers");
    } else if (of.budgetAfter() < BUDGET) {
      items.add(
          "More than a tenth of the error budget is gone: `make retrain MODEL="
              + of.model()
              + " TRIGGER=budget` where the model is to blame");
    }
  }

  private void log() {
    if (!timeline.gaps().isEmpty()) {
      items.add(
          "Entries are missing from the audit log: `bin/ml-service audit verify`, and find out who");
    }
  }
}
