package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;

/** A ticket as people read it. */
final class TicketText {
  private TicketText() {}

  static void printHead(PrintWriter out, JsonNode t) {
    out.printf(
        "%s  %s %s  %s%s  by %s, %s%n",
        t.path("ticket").asText(),
        t.path("modelId").asText(),
        t.path("version").asText(),
        t.path("state").asText(),
        t.has("revision") ? ", revision " + t.path("revision").asInt() : "",
        t.path("author").asText(),
        t.path("reason").asText());
  }

  static void print(PrintWriter out, JsonNode t) {
    printHead(out, t);
    field(out, "trigger", t.path("trigger").asText());
    field(out, "manifest", t.path("manifestDigest").asText());
    field(out, "dataset", "sha256:" + t.path("datasetSha256").asText());
    field(out, "commit", t.path("gitCommit").asText());
    field(out, "audit", t.path("auditId").asText());
    if (t.has("jiraIssue")) {
      field(out, "jira", t.path("jiraIssue").asText());
    }
    for (JsonNode e : t.path("evidence")) {
      out.printf(
          "  evidence %d   %s by %s, audit %s%n",
          e.path("n").asInt(),
          e.path("digest").asText(),
          e.path("author").asText(),
          e.path("auditId").asText());
      for (JsonNode g : e.path("gates")) {
        out.printf("    %-16s %s%n", g.path("gate").asText(), g.path("outcome").asText());
        g.path("reasons").forEach(r -> out.println("      " + r.asText()));
      }
    }
    t.path("replays").forEach(r -> replay(out, r));
    thresholds(out, t.path("thresholds"));
    for (JsonNode a : t.path("approvals")) {
      String gate = a.has("gate") ? " of " + a.path("gate").asText() : "";
      out.printf(
          "  %s%s by %s: %s%n    id %s, audit %s, %s%n",
          a.path("kind").asText(),
          gate,
          a.path("actor").asText(),
          a.path("comment").asText(),
          a.path("id").asText(),
          a.path("auditId").asText(),
          a.path("valid").asBoolean()
              ? "counts until " + a.path("expiresAt").asText()
              : "does not count: " + a.path("voided").asText());
    }
    if (t.has("closure")) {
      JsonNode c = t.path("closure");
      field(out, "closed", c.path("outcome").asText() + " by " + c.path("actor").asText());
      field(out, "commit", c.path("commit").asText("none"));
    }
    for (JsonNode m : t.path("missing")) {
      out.printf("  missing      %s: %s%n", m.path("rule").asText(), m.path("detail").asText());
    }
  }

  private static void replay(PrintWriter out, JsonNode r) {
    JsonNode s = r.path("summary");
    out.printf(
        "  replay %d     %s by %s, audit %s%n    %s to %s%n",
        r.path("n").asInt(),
        r.path("digest").asText(),
        r.path("author").asText(),
        r.path("auditId").asText(),
        s.path("from").asText(),
        s.path("to").asText());
    flips(out, "all", s);
    for (JsonNode g : s.path("groups")) {
      flips(out, g.path("attribute").asText() + "=" + g.path("value").asText(), g);
    }
  }

  /** How many recommendations a candidate turns, in each direction. */
  static void flips(PrintWriter out, String what, JsonNode flips) {
    out.printf(
        "    %-22s decisions %-9d allow -> review %-7d review -> allow %d%n",
        what,
        flips.path("decisions").asLong(),
        flips.path("allowToReview").asLong(),
        flips.path("reviewToAllow").asLong());
  }

  private static void thresholds(PrintWriter out, JsonNode thresholds) {
    if (thresholds.isMissingNode()) {
      field(out, "thresholds", "not compared: the artifact is not there");
      return;
    }
    String active = thresholds.path("activeVersion").asText("none");
    if (thresholds.path("changes").isEmpty()) {
      field(out, "thresholds", "as in the active version " + active);
    }
    for (JsonNode c : thresholds.path("changes")) {
      out.printf(
          "  CHANGES      %s: %s (active %s) -> %s%n",
          c.path("what").asText(), c.path("active").asText(), active, c.path("candidate").asText());
    }
  }

  private static void field(PrintWriter out, String name, String value) {
    out.printf("  %-12s %s%n", name, value);
  }
}
