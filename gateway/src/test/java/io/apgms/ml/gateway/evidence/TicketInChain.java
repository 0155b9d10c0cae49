package io.apgms.ml.gateway.evidence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditRecord;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.ReplaySummary;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A promoted ticket, as its steps stand in the log and as the tickets route shows it. */
final class TicketInChain {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NAME = "MLAPPROVAL-1";
  private static final String POLICY = "sha256:" + "5".repeat(64);

  private final String model;
  private final String version;
  private final String digest;
  private final String evil;
  private final GateEvidence gates;
  private final ReplaySummary replay;

  TicketInChain(String model, String version, String digest, String evil) {
    this.model = model;
    this.version = version;
    this.digest = digest;
    this.evil = evil;
    List<GateResult> results = new ArrayList<>();
    for (Gate gate : Gate.values()) {
      boolean smoke = gate == Gate.smoke;
      results.add(
          new GateResult(
              gate,
              smoke ? Outcome.inconclusive : Outcome.pass,
              List.of(smoke ? "no canary rows" : "measured", evil)));
    }
    this.gates = new GateEvidence(model, version, digest, POLICY, results);
    this.replay =
        new ReplaySummary(
            model,
            version,
            digest,
            "2026-11-17T08:00:00Z",
            "2026-11-24T08:00:00Z",
            10,
            4,
            5,
            2,
            1,
            Map.of("20261116", 10L),
            Map.of("mean", 0.25),
            List.of(new ReplaySummary.Group("sex", "female", 6, 3, 4, 2, 1)));
  }

  /** Open, evidence, replay, review, sign-off and two waivers: the service's own details. */
  List<AuditRecord> steps() {
    return List.of(
        new AuditRecord(
            "ana",
            "ticket.open",
            NAME,
            Map.of(
                "model", model,
                "version", version,
                "manifestDigest", digest,
                "trigger", "schedule",
                "datasetSha256", "77f3",
                "reason", evil)),
        new AuditRecord(
            "ana",
            "ticket.evidence",
            NAME,
            Map.of("n", 1, "evidenceDigest", gates.digest(), "manifestDigest", digest)),
        new AuditRecord(
            "eve",
            "ticket.replay",
            NAME,
            Map.of("n", 1, "replayDigest", replay.documentDigest(), "manifestDigest", digest)),
        approval("ben", "peer_review", Map.of()),
        approval(
            "cora",
            "risk_signoff",
            Map.of(
                "baseVersion", "20261116",
                "thresholdsUnchanged", false,
                "changeReason", "letter of 3 May",
                "auditId", "named")),
        approval("cora", "waiver", Map.of("gate", "smoke")),
        approval("cora", "waiver", Map.of("gate", "error-budget", "errorBudgetRemaining", -0.5)));
  }

  private AuditRecord approval(String actor, String kind, Map<String, Object> more) {
    Map<String, Object> detail = new HashMap<>(more);
    detail.put("approval", kind + more.getOrDefault("gate", ""));
    detail.put("manifestDigest", digest);
    detail.put("evidenceDigest", gates.digest());
    detail.put("reason", evil);
    detail.putIfAbsent("gate", null);
    return new AuditRecord(actor, "ticket." + kind, NAME, detail);
  }

  /** The promotion by it. */
  AuditRecord promotion(AuditRecord deployed) {
    Map<String, Object> detail = new HashMap<>(deployed.detail());
    detail.put("ticket", NAME);
    detail.put("evidenceDigest", gates.digest());
    detail.put(
        "approvals", List.of("peer_review", "risk_signoff", "waiversmoke", "waivererror-budget"));
    return new AuditRecord(deployed.actor(), "promote", deployed.subject(), detail);
  }

  AuditRecord closing() {
    Map<String, Object> detail = new HashMap<>();
    detail.put("outcome", "promoted");
    detail.put("commit", "0123abc");
    detail.put("reason", "done");
    return new AuditRecord("dora", "ticket.close", NAME, detail);
  }

  /** As the tickets route gives it, with what no entry says. */
  JsonNode asShown(List<AuditEntry> chain) throws IOException {
    ObjectNode out = JSON.createObjectNode();
    for (AuditEntry e : chain) {
      JsonNode detail = JSON.readTree(e.detail());
      switch (e.action()) {
        case "ticket.open" -> {
          out.put("ticket", NAME).put("modelId", model).put("author", e.actor());
          out.put("gitCommit", "abc").put("state", "promoted");
          for (String f :
              List.of("version", "manifestDigest", "trigger", "datasetSha256", "reason")) {
            out.set(f, detail.get(f));
          }
          signed(out, e);
        }
        case "ticket.evidence" -> {
          ObjectNode one = document(out, "evidence", e, gates.digest());
          one.put("policyDigest", POLICY);
          one.set("gates", JSON.readTree(gates.toJson()).path("results"));
        }
        case "ticket.replay" ->
            document(out, "replays", e, replay.documentDigest())
                .set("summary", JSON.readTree(replay.toJson()));
        case "ticket.close" -> {
          ObjectNode closure = out.putObject("closure");
          closure.setAll((ObjectNode) detail);
          signed(closure.put("actor", e.actor()), e);
        }
        case "ticket.peer_review", "ticket.risk_signoff", "ticket.waiver" ->
            approval(out.withArray("approvals"), e, detail);
        default -> {
          // of no ticket
        }
      }
    }
    return out;
  }

  private static void approval(ArrayNode approvals, AuditEntry e, JsonNode detail) {
    ObjectNode one = approvals.addObject().put("id", detail.path("approval").asText());
    one.put("kind", e.action().substring("ticket.".length())).put("actor", e.actor());
    one.put("comment", detail.path("reason").asText()).put("valid", true);
    one.set("manifestDigest", detail.get("manifestDigest"));
    one.set("evidenceDigest", detail.get("evidenceDigest"));
    signed(one, e);
    if (detail.path("gate").isTextual()) {
      one.set("gate", detail.get("gate"));
    }
    if (detail.has("thresholdsUnchanged")) {
      one.set("activeVersion", detail.get("baseVersion"));
      one.set("thresholdsUnchanged", detail.get("thresholdsUnchanged"));
      one.set("changeReason", detail.get("changeReason"));
      one.set("namedAuditId", detail.get("auditId"));
    }
  }

  private static ObjectNode document(ObjectNode out, String part, AuditEntry e, String digest) {
    ObjectNode one = out.withArray(part).addObject().put("n", 1).put("digest", digest);
    one.put("author", e.actor());
    return signed(one, e);
  }

  private static ObjectNode signed(ObjectNode out, AuditEntry e) {
    return out.put("at", e.at().toString()).put("auditId", e.id().toString());
  }
}
