package io.apgms.ml.gateway.incident;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The answer of triage, for a person and for a machine. */
public final class TriageReport {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TriageReport() {}

  /** Lines of text. */
  public static List<String> text(Situation on) {
    List<String> lines = new ArrayList<>();
    Finding leading = on.verdict().leading();
    lines.add(Words.text("%s at %s, by %s", on.model(), Words.at(on.at()), on.source()));
    lines.add("");
    if (leading == null) {
      lines.add("NOTHING LEADS: " + on.verdict().why());
    } else {
      String name = leading.symptom().word().toUpperCase(Locale.ROOT);
      lines.add(
          name
              + (name.endsWith("S") ? " LEAD" : " LEADS")
              + (leading.since() == null ? "" : " since " + leading.since())
              + ": "
              + on.verdict().why());
    }
    for (Finding finding : on.verdict().findings()) {
      lines.add(finding(finding));
    }
    lines.add("");
    lines.add(
        leading == null || leading.since() == null
            ? "changed in the last 30 minutes"
            : "changed in the 30 minutes before");
    changes(lines, on, leading == null ? null : leading.since());
    lines.add("");
    around(lines, on);
    lines.add("");
    lines.add("next");
    int number = 1;
    for (NextSteps.Step step : NextSteps.of(on)) {
      lines.add(Words.text("  %d. %s (%s)", number++, step.what(), step.runbook()));
      if (step.command() != null) {
        lines.add("     " + step.command());
      }
    }
    return lines;
  }

  private static String finding(Finding f) {
    String when = "";
    if (f.state() == Finding.State.ended && f.since() != null && f.until() != null) {
      when = Words.text(" from %s to %s", Words.at(f.since()), Words.at(f.until()));
    } else if (f.since() != null) {
      when = " since " + f.since();
    }
    String by = f.by().isEmpty() ? "" : " [" + String.join(", ", f.by()) + "]";
    return Words.text(
        "  %-8s %-7s %5s x%s  %s%s",
        f.symptom().word(), f.state(), f.timesText(), when, f.detail(), by);
  }

  private static void changes(List<String> lines, Situation on, @Nullable Instant since) {
    for (Change change : on.before()) {
      String ago = "";
      if (since != null) {
        Duration gap = Duration.between(change.at(), since);
        ago = gap.isNegative() ? " (at once)" : " (" + Words.time(gap) + " before)";
      }
      lines.add(Words.text("  %s  %s%s", Words.at(change.at()), change.what(), ago));
    }
    if (on.before().isEmpty()) {
      lines.add("  nothing that is known");
    }
  }

  private static void around(List<String> lines, Situation on) {
    if (on.feedback().volumes().isEmpty()) {
      lines.add("feedback  no label");
    }
    for (Feedback.Volume v : on.feedback().volumes()) {
      lines.add(
          Words.text(
              "feedback  %.0f %s by %s, usually %s",
              v.count(),
              v.label(),
              v.source(),
              Double.isNaN(v.usual()) ? "not known" : Words.text("%.1f", v.usual())));
    }
    for (Feedback.Spike spike : on.feedback().spikes()) {
      lines.add(Words.text("feedback  %s: %.1f times its usual", spike.source(), spike.times()));
    }
    List<String> burn = new ArrayList<>();
    on.budget().burn().forEach((window, rate) -> burn.add(Words.text("%s %.1f", window, rate)));
    lines.add(
        Words.text(
            "budget    %s left, burn rate %s",
            Words.percent(on.budget().remaining()),
            burn.isEmpty() ? "not known" : String.join(", ", burn)));
    for (Situation.Alert alert : on.alerts()) {
      lines.add(
          Words.text(
              "alert     %s (%s) since %s",
              alert.name(), alert.severity(), Words.at(alert.since())));
    }
    for (ToldAlert alert : on.told()) {
      lines.add(
          Words.text(
              "told of   %s%s since %s, last at %s",
              alert.name(),
              alert.severity().isEmpty() ? "" : " (" + alert.severity() + ")",
              Words.at(alert.since()),
              Words.at(alert.told())));
    }
    on.unknown().forEach(what -> lines.add("unknown   " + what));
  }

  /** The same as JSON. */
  public static ObjectNode json(Situation on) {
    ObjectNode out = JSON.createObjectNode().put("modelId", on.model());
    out.put("at", on.at().toString()).put("source", on.source());
    Finding leading = on.verdict().leading();
    if (leading == null) {
      out.putNull("leading");
    } else {
      finding(out.putObject("leading"), leading);
    }
    out.put("why", on.verdict().why());
    on.verdict().findings().forEach(f -> finding(out.withArray("symptoms").addObject(), f));
    ArrayNode changes = out.putArray("changesBefore");
    for (Change c : on.before()) {
      ObjectNode change = changes.addObject().put("at", c.at().toString());
      change.put("kind", c.kind().name()).put("what", c.what()).put("version", c.version());
      change.put("from", c.left()).put("auditId", c.auditId());
    }
    ObjectNode feedback = out.putObject("feedback");
    ArrayNode volumes = feedback.putArray("labels");
    for (Feedback.Volume v : on.feedback().volumes()) {
      ObjectNode volume = volumes.addObject().put("label", v.label()).put("source", v.source());
      put(volume, "count", v.count());
      put(volume, "usual", v.usual());
    }
    ArrayNode spikes = feedback.putArray("spikes");
    on.feedback()
        .spikes()
        .forEach(s -> spikes.addObject().put("source", s.source()).put("times", s.times()));
    ObjectNode budget = out.putObject("errorBudget");
    put(budget, "remaining", on.budget().remaining());
    ObjectNode burn = budget.putObject("burnRate");
    on.budget().burn().forEach((window, rate) -> put(burn, window, rate));
    ArrayNode alerts = out.putArray("alerts");
    on.alerts()
        .forEach(
            a ->
                alerts
                    .addObject()
                    .put("name", a.name())
                    .put("severity", a.severity())
                    .put("since", a.since().toString()));
    ArrayNode told = out.putArray("alertsTold");
    for (ToldAlert alert : on.told()) {
      ObjectNode one = told.addObject().put("name", alert.name()).put("severity", alert.severity());
      one.put("since", alert.since().toString()).put("toldAt", alert.told().toString());
    }
    ArrayNode next = out.putArray("next");
    for (NextSteps.Step step : NextSteps.of(on)) {
      ObjectNode line = next.addObject().put("what", step.what());
      line.put("command", step.command()).put("runbook", step.runbook());
    }
    ArrayNode unknown = out.putArray("unknown");
    on.unknown().forEach(unknown::add);
    return out;
  }

  private static void finding(ObjectNode out, Finding f) {
    out.put("symptom", f.symptom().word()).put("state", f.state().name());
    put(out, "times", f.times());
    out.put("since", f.since() == null ? null : f.since().toString());
    out.put("until", f.until() == null ? null : f.until().toString());
    out.put("detail", f.detail());
    ArrayNode by = out.putArray("by");
    f.by().forEach(by::add);
  }

  /** JSON has no NaN. */
  private static void put(ObjectNode out, String field, double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      out.putNull(field);
    } else {
      out.put(field, Math.round(value * 1e4) / 1e4);
    }
  }
}
