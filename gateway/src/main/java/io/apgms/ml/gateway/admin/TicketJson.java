package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.registry.Approval;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.Promotions.Preflight;
import io.apgms.ml.registry.Refusal;
import io.apgms.ml.registry.RegulatedThresholds.Difference;
import io.apgms.ml.registry.ReplaySummary;
import io.apgms.ml.registry.Ticket;
import io.apgms.ml.registry.TicketEvidence;
import io.apgms.ml.registry.TicketReplay;
import io.apgms.ml.registry.TicketState;
import io.apgms.ml.registry.Tickets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tickets as the routes answer them. */
final class TicketJson {
  private TicketJson() {}

  static ObjectNode line(Tickets.Line line) {
    ObjectNode out = head(line.ticket());
    out.put("state", line.outcome() == null ? "open" : line.outcome().name());
    if (line.revision() != null) {
      out.put("revision", line.revision());
    }
    return out;
  }

  /**
   * A whole ticket.
   *
   * @param differences null where the artifact is not there to be compared
   */
  static ObjectNode of(Preflight found, @Nullable List<Difference> differences) {
    TicketState state = found.ticket();
    ObjectNode out = head(state.ticket());
    TicketState.Closure closure = state.closure();
    out.put("state", closure == null ? "open" : closure.outcome().name());
    if (state.promoted() != null) {
      out.put("revision", state.promoted());
    }
    if (state.issueKey() != null) {
      out.put("jiraIssue", state.issueKey());
    }
    ArrayNode evidence = out.putArray("evidence");
    state.evidence().forEach(e -> evidence.add(evidence(e)));
    ArrayNode replays = out.putArray("replays");
    state.replays().forEach(r -> replays.add(replay(r)));
    ArrayNode approvals = out.putArray("approvals");
    state.approvals().forEach(a -> approvals.add(approval(state, a)));
    if (differences != null) {
      out.set("thresholds", thresholds(found.active(), differences));
    }
    if (closure != null) {
      out.set("closure", closure(closure));
    }
    ArrayNode missing = out.putArray("missing");
    for (Refusal r : closure == null ? found.refusals() : List.<Refusal>of()) {
      missing.addObject().put("rule", r.rule().word()).put("detail", r.detail());
    }
    return out;
  }

  private static ObjectNode head(Ticket t) {
    return Answers.object()
        .put("ticket", t.name())
        .put("modelId", t.model())
        .put("version", t.version())
        .put("manifestDigest", t.manifestDigest())
        .put("trigger", t.trigger().name())
        .put("datasetSha256", t.datasetSha256())
        .put("gitCommit", t.gitCommit())
        .put("author", t.author())
        .put("at", t.at().toString())
        .put("reason", t.reason())
        .put("auditId", t.auditId().toString());
  }

  private static ObjectNode evidence(TicketEvidence e) {
    ObjectNode out =
        Answers.object()
            .put("n", e.n())
            .put("digest", e.digest())
            .put("policyDigest", e.evidence().policyDigest())
            .put("author", e.author())
            .put("at", e.at().toString())
            .put("auditId", e.auditId().toString());
    ArrayNode gates = out.putArray("gates");
    for (GateResult r : e.evidence().results()) {
      ObjectNode gate =
          gates.addObject().put("gate", r.gate().name()).put("outcome", r.outcome().name());
      ArrayNode reasons = gate.putArray("reasons");
      r.reasons().forEach(reasons::add);
    }
    return out;
  }

  private static ObjectNode replay(TicketReplay r) {
    ReplaySummary s = r.summary();
    ObjectNode out =
        Answers.object()
            .put("n", r.n())
            .put("digest", r.digest())
            .put("author", r.author())
            .put("at", r.at().toString())
            .put("auditId", r.auditId().toString());
    ObjectNode summary =
        out.putObject("summary")
            .put("modelId", s.modelId())
            .put("modelVersion", s.modelVersion())
            .put("digest", s.digest())
            .put("from", s.from())
            .put("to", s.to())
            .put("decisions", s.decisions())
            .put("reviewBefore", s.reviewBefore())
            .put("reviewAfter", s.reviewAfter())
            .put("allowToReview", s.allowToReview())
            .put("reviewToAllow", s.reviewToAllow());
    s.byVersion().forEach(summary.putObject("byVersion")::put);
    s.scoreShift().forEach(summary.putObject("scoreShift")::put);
    ArrayNode groups = summary.putArray("groups");
    for (ReplaySummary.Group g : s.groups()) {
      groups
          .addObject()
          .put("attribute", g.attribute())
          .put("value", g.value())
          .put("decisions", g.decisions())
          .put("reviewBefore", g.reviewBefore())
          .put("reviewAfter", g.reviewAfter())
          .put("allowToReview", g.allowToReview())
          .put("reviewToAllow", g.reviewToAllow());
    }
    return out;
  }

  private static ObjectNode approval(TicketState state, Approval a) {
    String voided = state.voided(a);
    ObjectNode out =
        Answers.object()
            .put("id", a.id().toString())
            .put("kind", a.kind().name())
            .put("actor", a.actor())
            .put("at", a.at().toString())
            .put("comment", a.reason())
            .put("manifestDigest", a.bound().manifestDigest())
            .put("evidenceDigest", a.bound().evidenceDigest())
            .put("expiresAt", a.expiresAt().toString())
            .put("auditId", a.auditId().toString())
            .put("valid", voided == null);
    if (voided != null) {
      out.put("voided", voided);
    }
    if (a.gate() != null) {
      out.put("gate", a.gate().word());
    }
    Approval.Signoff signoff = a.signoff();
    if (signoff != null) {
      out.put("activeVersion", signoff.baseVersion())
          .put("thresholdsUnchanged", signoff.thresholdsUnchanged())
          .put("namedAuditId", signoff.namedAuditId().toString());
      if (signoff.changeReason() != null) {
        out.put("changeReason", signoff.changeReason());
      }
    }
    return out;
  }

  private static ObjectNode thresholds(@Nullable Pointer active, List<Difference> differences) {
    ObjectNode out =
        Answers.object().put("activeVersion", active == null ? null : active.version());
    ArrayNode changes = out.putArray("changes");
    for (Difference d : differences) {
      changes
          .addObject()
          .put("what", d.what())
          .put("active", d.active())
          .put("candidate", d.candidate());
    }
    return out;
  }

  private static ObjectNode closure(TicketState.Closure c) {
    return Answers.object()
        .put("outcome", c.outcome().name())
        .put("commit", c.commit())
        .put("actor", c.actor())
        .put("at", c.at().toString())
        .put("reason", c.reason())
        .put("auditId", c.auditId().toString());
  }
}
