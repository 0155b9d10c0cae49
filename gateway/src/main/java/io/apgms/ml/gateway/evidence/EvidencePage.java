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
    page.append("</table>\n<h2>Audit entries</h2>\n<table>");
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
          "VERIFY.md",
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
