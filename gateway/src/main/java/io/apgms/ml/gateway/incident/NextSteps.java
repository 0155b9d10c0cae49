package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What the runbook says to do next, its commands filled in. */
final class NextSteps {
  private static final String RUNBOOK = "docs/RUNBOOK.md#";
  private static final String TOOL = "bin/ml-service ";

  /**
   * One of them.
   *
   * @param command null where there is none to give
   * @param runbook where it is written
   */
  record Step(String what, @Nullable String command, String runbook) {}

  private final Situation on;
  private final List<Step> steps = new ArrayList<>();

  private NextSteps(Situation on) {
    this.on = on;
  }

  static List<Step> of(Situation on) {
    NextSteps next = new NextSteps(on);
    Finding leading = on.verdict().leading();
    if (leading == null) {
      next.nothingLeads();
    } else {
      next.lead(leading);
    }
    return List.copyOf(next.steps);
  }

  private void nothingLeads() {
    feedback();
    if (on.alerts().isEmpty() && steps.isEmpty()) {
      steps.add(new Step("nothing to do", null, RUNBOOK + "an-incident"));
    } else if (!on.alerts().isEmpty()) {
      steps.add(
          new Step("go by the alerts that fire: " + names(), null, RUNBOOK + "an-alert-fires"));
    }
  }

  private String names() {
    TreeSet<String> names = new TreeSet<>();
    on.alerts().forEach(alert -> names.add(alert.name()));
    return String.join(", ", names);
  }

  private void lead(Finding leading) {
    steps.add(
        new Step("acknowledge it in PagerDuty (ML Inference SLO)", null, RUNBOOK + "an-incident"));
    feedback();
    Optional<Change> deployed = suspect(leading);
    if (deployed.isPresent()) {
      back(leading, deployed.get());
    } else if (wasLeft(leading)) {
      steps.add(
          new Step(
              "the version that came just before was left since; "
                  + on.deployed().active()
                  + " serves: is it over by now?",
              TOOL + "rollback --model " + on.model() + " --verify --missed missed.ndjson",
              RUNBOOK + "a-model-decides-wrongly"));
    } else {
      switch (leading.symptom()) {
        case ERRORS -> errors(leading);
        case LATENCY -> latency();
        case DRIFT -> drift();
      }
    }
    steps.add(
        new Step(
            "when it is over",
            TOOL
                + "incident review --model "
                + on.model()
                + " --from "
                + Words.at(start(leading).minus(Changes.BEFORE))
                + " --to "
                + Words.at(on.at())
                + (on.incident().isEmpty() ? "" : " --incident " + on.incident())
                + " --out review.md",
            RUNBOOK + "an-incident"));
  }

  private Instant start(Finding leading) {
    return leading.since() == null ? on.at() : leading.since();
  }

  /** The newest version, where it came just before and no other fails as well. */
  private Optional<Change> suspect(Finding leading) {
    return on.before().stream()
        .filter(Change::deploys)
        .filter(change -> on.deployed().active().equals(change.version()))
        .filter(change -> blames(leading, change))
        .reduce((first, last) -> last);
  }

  private boolean wasLeft(Finding leading) {
    return on.before().stream()
        .filter(Change::deploys)
        .filter(change -> blames(leading, change))
        .anyMatch(change -> on.deployed().left(change));
  }

  private static boolean blames(Finding leading, Change change) {
    return leading.by().isEmpty()
        || leading.by().stream()
            .anyMatch(by -> by.equals(change.version()) || by.endsWith(" of " + change.version()));
  }

  private void back(Finding leading, Change change) {
    String reason = leading.symptom().word() + " since " + Words.at(start(leading));
    if (on.acts()) {
      observe(reason);
    }
    Optional<String> to = on.deployed().lastGood();
    if (to.isEmpty()) {
      steps.add(
          new Step(
              change.version() + " came just before, but no good version is left to return to",
              null,
              RUNBOOK + "a-model-decides-wrongly"));
      return;
    }
    steps.add(
        new Step(
            change.version() + " came just before: return to " + to.get(),
            TOOL
                + "rollback --model "
                + on.model()
                + " --reason '"
                + reason
                + "'"
                + (on.incident().isEmpty() ? "" : " --incident " + on.incident()),
            RUNBOOK + "a-model-decides-wrongly"));
    steps.add(
        new Step(
            "then see whether all is well, and which holds of "
                + change.version()
                + " want a label",
            TOOL + "rollback --model " + on.model() + " --verify --missed missed.ndjson",
            RUNBOOK + "a-model-decides-wrongly"));
  }

  private void observe(String reason) {
    steps.add(
        new Step(
            "stop acting, on every replica",
            TOOL + "mode observe --model " + on.model() + " --reason '" + reason + "'",
            RUNBOOK + "a-model-decides-wrongly"));
  }

  private void errors(Finding leading) {
    String kind =
        on.kinds().entrySet().stream()
            .max(Map.Entry.comparingByValue())
            .map(Map.Entry::getKey)
            .orElse("");
    String what =
        switch (kind) {
          case "not_logged", "unknown_outcome" ->
              "decisions cannot be logged: look at PostgreSQL, then at the spool's disk";
          case "invalid_output", "failed" ->
              "the model fails on its input ("
                  + kind
                  + "), and no version came just before: what data is new? To serve another one, pin"
                  + " it";
          case "overloaded", "limited", "expired" ->
              "more requests than are answered in time: more replicas, or less traffic";
          case "no_model" -> "no version is active: see its history";
          default -> "look at the replicas' logs";
        };
    String pin =
        on.deployed()
            .lastGood()
            .map(
                version ->
                    TOOL
                        + "pin --model "
                        + on.model()
                        + " --version "
                        + version
                        + " --reason 'errors since "
                        + Words.at(start(leading))
                        + "'")
            .orElse(null);
    boolean model = kind.equals("invalid_output") || kind.equals("failed");
    steps.add(
        new Step(
            what,
            model && pin != null ? pin : TOOL + "history --model " + on.model(),
            RUNBOOK + (model ? "hold-a-version" : "what-the-service-does-by-itself")));
  }

  private void latency() {
    steps.add(
        new Step(
            "no version came just before: look at the queue, the refusals and the processors; more"
                + " replicas where it is the traffic",
            "curl -s localhost:9090/metrics"
                + " | grep -E '^apgms_ml_inference_(queue_depth|rejected_total)'",
            RUNBOOK + "an-alert-fires"));
  }

  private void drift() {
    steps.add(
        new Step(
            "is it the world, or a field that is filled otherwise? The recent labels, for a"
                + " retraining",
            TOOL + "feedback export --days 7 --model " + on.model() + " --out exports",
            RUNBOOK + "labels-into-a-file"));
    steps.add(
        new Step(
            "after two hours of drift",
            "make retrain MODEL=" + on.model() + " TRIGGER=drift",
            RUNBOOK + "retrain-a-model"));
  }

  private void feedback() {
    for (Feedback.Spike spike : on.feedback().spikes()) {
      steps.add(
          new Step(
              Words.text(
                  "%s labels %.1f times its usual: who, and rightly?",
                  spike.source(), spike.times()),
              TOOL + "feedback export --days 1 --model " + on.model() + " --out exports",
              RUNBOOK + "labels-into-a-file"));
    }
    if (on.feedback().falsePositives()) {
      observe("false positives");
    }
  }
}
