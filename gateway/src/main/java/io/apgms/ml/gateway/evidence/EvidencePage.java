package io.apgms.ml.gateway.evidence;

import com.fasterxml.jackson.databind.JsonNode;

/** The folder as a page without scripts, and how to check it. */
final class EvidencePage {
  private static final String HEAD =
      """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>%1$s</title>
      <style>
      body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
      table { border-collapse: collapse; width: 100%%; }
      th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid #ccc; }
      td, pre { overflow-wrap: anywhere; white-space: pre-wrap; }
      </style>
      </head>
      <body>
      <h1>%1$s</h1>
      """;

  private static final String VERIFY =
      """
      # How to check this folder

      It needs no service, no database and no network. What it cannot prove by itself is whose the two
      keys are: get `trust.json` (who may sign models) and `audit-head.pub` (who signs the audit log's
      heads) from the operator by another way, and compare. Best compare `heads.ndjson` with the heads
      that were exported to you at the time.

      With the project, all at once; `--head` and `--trust` name your own copies of heads and keys:

          bin/ml-service evidence --check . [--head HEADS] [--trust trust.json]

      Step by step, with tools that share no code with it:

          sha256sum -c SHA256SUMS
          tools/ci/verify-model-artifacts.mjs artifacts      # of the project; Node 20 alone

      Each file of `audit/` holds one entry of the audit log, the entries after it, and the head they
      lead to, which stands in `heads.ndjson`. The hash of an entry is SHA-256 over the previous hash
      (32 bytes), seq (8 bytes, big endian), id (16 bytes), time in microseconds since 1970 (8 bytes),
      then actor, action, subject and detail, each as its length in UTF-8 bytes (4 bytes, big endian)
      and those bytes. The signature of a head is Ed25519 over four lines of text, each ended by a
      newline: `ml-service audit head`, seq, hash, at.

      What `evidence.json` says of a ticket its entries say too. They hold the digest of what the gates
      said and of a replay: SHA-256 over the document as the service keeps it, which `--check` makes
      from what is shown.

      That no entry was left out shows beside the whole log alone: `bin/ml-service audit export`.

      Version %2$s of %1$s stands in `artifacts/%1$s/%2$s`; its `model.sig` is a signature of OpenSSF
      model signing v1 over all its files.
      """;

  private EvidencePage() {}

  static String instructions(String model, String version) {
    return VERIFY.formatted(model, version);
  }

  static String html(JsonNode evidence, String modelCard) {
    String model = evidence.path("modelId").asText();
    String version = evidence.path("modelVersion").asText();
    StringBuilder page = new StringBuilder(HEAD.formatted(escaped(model + " " + version)));
    page.append("<table>");
    for (String field : new String[] {"digest", "signer", "collectedAt"}) {
      row(page, "td", field, evidence.path(field).asText());
    }
    page.append("</table>\n<h2>When it served</h2>\n<table>");
    row(page, "th", "from", "until", "revision", "kind", "by", "reason");
    for (JsonNode s : evidence.path("served")) {
      row(
          page,
          "td",
          s.path("from").asText(),
          s.path("until").isNull() ? "still active" : s.path("until").asText(),
          s.path("revision").asText(),
          s.path("kind").asText(),
          s.path("actor").asText(),
          s.path("reason").asText());
    }
    page.append("</table>\n<h2>How it was approved</h2>\n");
    if (evidence.path("tickets").isEmpty()) {
      page.append("<p>No ticket promoted it.</p>\n");
    }
    evidence.path("tickets").forEach(ticket -> ticket(page, ticket));
    page.append("<h2>Audit entries</h2>\n<table>");
    row(page, "th", "seq", "at", "action", "by", "detail", "under an exported head");
    for (JsonNode e : evidence.path("auditEntries")) {
      row(
          page,
          "td",
          e.path("seq").asText(),
          e.path("at").asText(),
          e.path("action").asText(),
          e.path("actor").asText(),
          e.path("detail").asText(),
          e.path("headExported").asBoolean() ? "yes" : "not yet");
    }
    String folder = EvidenceFolder.ARTIFACTS + "/" + model + "/" + version + "/";
    page.append("</table>\n<h2>Files</h2>\n<ul>");
    for (String file :
        new String[] {
          EvidenceFolder.JSON_FILE,
          EvidenceFolder.HOW_TO,
          EvidenceFolder.HEADS,
          EvidenceFolder.TRUST,
          folder + "manifest.json",
          folder + "model.sig",
          folder + "training_run.json",
          folder + "evaluation.json",
          folder + "bias_report.json"
        }) {
      page.append("<li><a href=\"").append(escaped(file)).append("\">").append(escaped(file));
      page.append("</a></li>\n");
    }
    return page.append("</ul>\n<h2>Model card</h2>\n<pre>")
        .append(escaped(modelCard))
        .append("</pre>\n</body>\n</html>\n")
        .toString();
  }

  private static void ticket(StringBuilder page, JsonNode t) {
    page.append("<h3>").append(escaped(t.path("ticket").asText())).append("</h3>\n<table>");
    for (String field : new String[] {"author", "at", "trigger", "reason", "datasetSha256"}) {
      row(page, "td", field, t.path(field).asText());
    }
    JsonNode closure = t.path("closure");
    if (!closure.isMissingNode()) {
      String commit = closure.path("commit").asText();
      row(page, "td", "closed", closure.path("outcome").asText() + " " + commit);
    }
    page.append("</table>\n<h4>What the gates said</h4>\n<table>");
    row(page, "th", "evidence", "by", "gate", "outcome", "reasons");
    for (JsonNode e : t.path("evidence")) {
      for (JsonNode g : e.path("gates")) {
        StringBuilder reasons = new StringBuilder();
        g.path("reasons").forEach(r -> reasons.append(r.asText()).append('\n'));
        String n = e.path("n").asText();
        String gate = g.path("gate").asText();
        String outcome = g.path("outcome").asText();
        row(page, "td", n, e.path("author").asText(), gate, outcome, reasons.toString().strip());
      }
    }
    page.append("</table>\n<h4>Approvals and waivers</h4>\n<table>");
    row(page, "th", "at", "kind", "by", "comment", "counted at the promotion");
    for (JsonNode a : t.path("approvals")) {
      String of = a.has("gate") ? " of " + a.path("gate").asText() : "";
      row(
          page,
          "td",
          a.path("at").asText(),
          a.path("kind").asText() + of,
          a.path("actor").asText(),
          a.path("comment").asText(),
          a.path("counted").asBoolean() ? "yes" : "no");
    }
    page.append("</table>\n");
    t.path("replays").forEach(r -> replay(page, r));
  }

  private static void replay(StringBuilder page, JsonNode r) {
    JsonNode s = r.path("summary");
    page.append("<h4>Replay by ").append(escaped(r.path("author").asText())).append(", ");
    page.append(escaped(s.path("from").asText())).append(" to ");
    page.append(escaped(s.path("to").asText())).append("</h4>\n<table>");
    row(page, "th", "group", "decisions", "allow to review", "review to allow");
    flips(page, "all", s);
    for (JsonNode g : s.path("groups")) {
      flips(page, g.path("attribute").asText() + "=" + g.path("value").asText(), g);
    }
    page.append("</table>\n");
  }

  private static void flips(StringBuilder page, String what, JsonNode flips) {
    row(
        page,
        "td",
        what,
        flips.path("decisions").asText(),
        flips.path("allowToReview").asText(),
        flips.path("reviewToAllow").asText());
  }

  private static void row(StringBuilder page, String tag, String... cells) {
    page.append("<tr>");
    for (String cell : cells) {
      page.append('<').append(tag).append('>').append(escaped(cell));
      page.append("</").append(tag).append('>');
    }
    page.append("</tr>\n");
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }
}
