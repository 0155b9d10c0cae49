package io.apgms.ml.gateway.incident;

import static io.apgms.ml.gateway.incident.Planted.NEW;
import static io.apgms.ml.gateway.incident.Planted.OLD;
import static io.apgms.ml.gateway.incident.Planted.always;
import static io.apgms.ml.gateway.incident.Planted.at;
import static io.apgms.ml.gateway.incident.Planted.since;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class NextStepsTest {
  private static final Deployed.Revision FIRST =
      new Deployed.Revision(
          1, OLD, Change.Kind.bootstrap, at(0).minusSeconds(99_999), null, null, "1");

  private static Deployed promoted(int point) {
    return new Deployed(
        "risk-score",
        List.of(
            new Deployed.Revision(2, NEW, Change.Kind.promote, at(point), OLD, "T", "2"), FIRST));
  }

  private static final List<ToldAlert> TOLD =
      List.of(new ToldAlert("MLServiceDown", "page", at(3), at(7)));

  private static Situation on(Planted night, Deployed deployed, Feedback feedback)
      throws IOException {
    return Situation.of(
        night.reading(),
        night.verdict(),
        new Situation.Around("a test", deployed, List.of(), feedback, TOLD, "INC-7", List.of()));
  }

  private static List<String> commands(Situation on) {
    return NextSteps.of(on).stream().map(NextSteps.Step::command).filter(Objects::nonNull).toList();
  }

  private static final Feedback NONE = new Feedback(List.of(), List.of());

  private static Planted errors() {
    return new Planted()
        .traffic(NEW, always(400), always(0), since(20, 100))
        .kind("invalid_output", since(20, 100));
  }

  @Test
  void of_errorsAfterAPromotion_returnToTheVersionBefore() throws IOException {
    Situation on = on(errors(), promoted(19), NONE);
    assertThat(on.before()).extracting(Change::version).containsExactly(NEW);
    assertThat(NextSteps.of(on).toString()).contains("came just before: return to " + OLD);
    assertThat(commands(on))
        .first()
        .isEqualTo(
            "bin/ml-service rollback --model risk-score --reason 'errors since "
                + at(20)
                + "' --incident INC-7");
    assertThat(commands(on)).last().asString().contains("incident review", "--incident INC-7");
  }

  @Test
  void of_errorsInActAfterAPromotion_stopActingFirst() throws IOException {
    Planted acting = errors().add(Series.MODE, always(1), "mode", "act");
    assertThat(commands(on(acting, promoted(19), NONE)))
        .first()
        .asString()
        .contains("mode observe");
  }

  @Test
  void of_errorsLongAfterAPromotion_blameItNot() throws IOException {
    Deployed old =
        new Deployed(
            "risk-score",
            List.of(
                new Deployed.Revision(
                    2, NEW, Change.Kind.promote, at(20).minusSeconds(1_900), OLD, "T", "2"),
                FIRST));
    assertThat(commands(on(errors(), old, NONE)))
        .first()
        .asString()
        .contains("pin --model risk-score --version " + OLD);
  }

  @Test
  void of_errorsOfAVersionThatWasLeft_lookWhetherItIsOver() throws IOException {
    List<Deployed.Revision> before = promoted(19).newestFirst();
    Deployed back =
        new Deployed(
            "risk-score",
            List.of(
                new Deployed.Revision(3, OLD, Change.Kind.rollback, at(58), NEW, null, "3"),
                before.get(0),
                before.get(1)));
    assertThat(commands(on(errors(), back, NONE)))
        .noneMatch(c -> c.contains("--reason"))
        .first()
        .asString()
        .contains("rollback --model risk-score --verify");
  }

  @Test
  void of_errorsOfAnotherVersion_blameTheNewOneNot() throws IOException {
    Planted both =
        new Planted()
            .traffic(NEW, always(400), always(0), always(0))
            .traffic(OLD, always(400), always(0), since(20, 100))
            .kind("failed", since(20, 100));
    assertThat(commands(on(both, promoted(19), NONE))).noneMatch(c -> c.contains("rollback"));
  }

  @Test
  void of_latencyWithoutAPromotion_lookAtTheQueue() throws IOException {
    Planted slow = new Planted().traffic(NEW, always(400), since(20, 200), always(0));
    assertThat(commands(on(slow, new Deployed("risk-score", List.of(FIRST)), NONE)))
        .first()
        .asString()
        .contains("queue_depth");
  }

  @Test
  void of_drift_exportsLabelsAndRetrains() throws IOException {
    Planted drifted =
        new Planted().traffic(NEW, always(400), always(0), always(0)).drift("age", since(20, 0.5));
    assertThat(commands(on(drifted, new Deployed("risk-score", List.of(FIRST)), NONE)))
        .anyMatch(c -> c.contains("feedback export --days 7"))
        .anyMatch(c -> c.equals("make retrain MODEL=risk-score TRIGGER=drift"));
  }

  @Test
  void of_manyFalsePositives_observeFirst() throws IOException {
    Feedback many =
        new Feedback(
            List.of(new Feedback.Volume("FALSE_POSITIVE", "FINANCE", 60, 4)),
            List.of(new Feedback.Spike("FINANCE", 12)));
    Planted quiet = new Planted().traffic(NEW, always(400), always(0), always(0));
    assertThat(commands(on(quiet, promoted(19), many))).anyMatch(c -> c.contains("mode observe"));
    assertThat(commands(on(quiet, promoted(19), NONE))).isEmpty();
  }

  @Test
  void lastGood_afterRollbacks_isNeverAVersionThatWasLeft() {
    Deployed.Revision third =
        new Deployed.Revision(3, "20261130", Change.Kind.promote, at(30), NEW, "T", "3");
    Deployed.Revision back =
        new Deployed.Revision(4, NEW, Change.Kind.rollback, at(31), "20261130", null, "4");
    List<Deployed.Revision> before = promoted(19).newestFirst();
    assertThat(new Deployed("m", List.of(back, third, before.get(0), before.get(1))).lastGood())
        .as("20261130 was left as bad")
        .contains(OLD);
    Deployed.Revision again =
        new Deployed.Revision(5, "20261130", Change.Kind.promote, at(32), NEW, "T", "5");
    assertThat(
            new Deployed("m", List.of(again, back, third, before.get(0), before.get(1))).lastGood())
        .contains(NEW);
    assertThat(new Deployed("m", List.of(FIRST)).lastGood()).isEmpty();
  }

  @Test
  void changes_ofMetrics_tellFlagRestartAndSilence() {
    Planted night =
        new Planted()
            .add(Series.MODE, i -> i < 10 ? 0 : 1, "mode", "act")
            .add(Series.MODE, i -> i < 10 ? 1 : 0, "mode", "observe")
            .add(
                Series.STARTED,
                i -> i < 20 ? 1e9 : at(20).getEpochSecond() - 3,
                "instance",
                "a:9090")
            .add(Series.UP, i -> i == 19 ? 0 : 1, "instance", "a:9090");
    List<Change> changes = Changes.of(promoted(30), List.of(), night.reading());
    assertThat(changes)
        .extracting(Change::what)
        .contains(
            "decides in act (metric)",
            "a:9090 was started (metric)",
            "a:9090 no longer answers (metric)",
            "a:9090 answers again (metric)");
    assertThat(changes).extracting(Change::at).contains(at(20).minusSeconds(3), at(10));
  }

  @Test
  void report_ofAnyAnswer_isJsonWithoutNaN() throws IOException {
    Situation on = on(errors(), promoted(19), NONE);
    assertThat(TriageReport.json(on).toString())
        .contains("\"symptom\":\"errors\"", "\"remaining\":null")
        .contains("\"name\":\"MLServiceDown\"", "\"since\":\"" + at(3) + "\",\"toldAt\":\"" + at(7))
        .doesNotContain("NaN");
    assertThat(TriageReport.text(on))
        .anyMatch(l -> l.startsWith("ERRORS LEAD since " + at(20)))
        .anyMatch(l -> l.startsWith("told of   MLServiceDown (page) since "));
  }
}
