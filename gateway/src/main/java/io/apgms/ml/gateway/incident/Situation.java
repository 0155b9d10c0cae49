package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * All that triage answers.
 *
 * @param source what it was read from
 * @param before what changed in the half hour before
 * @param told alerts that fire by Alertmanager's word
 * @param unknown what could not be known, and why
 * @param acts whether decisions are acted upon
 * @param incident its name; empty of none
 */
public record Situation(
    String model,
    Instant at,
    String source,
    Triage.Verdict verdict,
    List<Change> before,
    Deployed deployed,
    Feedback feedback,
    Budget budget,
    List<Alert> alerts,
    List<ToldAlert> told,
    Map<String, Double> kinds,
    boolean acts,
    String incident,
    List<String> unknown) {

  /** An alert that fires, and since when. */
  public record Alert(String name, String severity, Instant since) {}

  /**
   * The error budget.
   *
   * @param remaining NaN where it is not known
   * @param burn by window
   */
  public record Budget(double remaining, Map<String, Double> burn) {}

  /** What was read around the verdict. */
  public record Around(
      String source,
      Deployed deployed,
      List<AuditLine> audit,
      Feedback feedback,
      List<ToldAlert> told,
      String incident,
      List<String> unknown) {}

  /** Puts it together. */
  public static Situation of(Reading reading, Triage.Verdict verdict, Around around) {
    Instant at = reading.grid().to();
    List<Change> changes = Changes.of(around.deployed(), around.audit(), reading);
    Finding leading = verdict.leading();
    Instant since = leading == null ? null : leading.since();
    return new Situation(
        around.deployed().model(),
        at,
        around.source(),
        verdict,
        Changes.before(changes, since == null ? at : since.plus(reading.grid().step())),
        around.deployed(),
        around.feedback(),
        Alerts.budget(reading),
        Alerts.firing(reading),
        around.told(),
        Details.failures(reading, at),
        reading.last(Series.MODE, track -> track.label("mode").equals("act")) == 1,
        around.incident(),
        around.unknown());
  }
}
