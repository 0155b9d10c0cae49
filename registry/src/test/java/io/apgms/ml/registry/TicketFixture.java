package io.apgms.ml.registry;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.Approval.Signoff;
import io.apgms.ml.registry.GateResult.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** A ticket that everyone has approved, in memory. */
final class TicketFixture {
  static final Instant NOW = Instant.parse("2026-11-24T08:00:00Z");
  static final String MODEL = "risk-score";
  static final String VERSION = "20261124";
  static final String DIGEST = digest("manifest");
  static final String OTHER = digest("other");
  static final Pointer ACTIVE =
      new Pointer(MODEL, 2, "20261123", digest("active"), null, NOW.minusSeconds(60));

  final List<TicketEvidence> evidence = new ArrayList<>();
  final List<Approval> approvals = new ArrayList<>();
  TicketState.Closure closure;
  Integer promoted;

  TicketFixture() {
    evidence.add(evidence(1, "ana", evidence(DIGEST, Outcome.pass)));
    approvals.add(approval(Kind.peer_review, null, "ben", null));
    approvals.add(approval(Kind.risk_signoff, null, "cora", unchanged(ACTIVE)));
  }

  static String digest(String text) {
    return "sha256:" + ArtifactStore.sha256(ArtifactFixture.utf8(text));
  }

  /** All gates pass but smoke, which is as said. */
  static GateEvidence evidence(String manifestDigest, Outcome smoke) {
    List<GateResult> results = new ArrayList<>();
    for (Gate gate : Gate.values()) {
      results.add(
          new GateResult(gate, gate == Gate.smoke ? smoke : Outcome.pass, List.of("measured")));
    }
    return new GateEvidence(MODEL, VERSION, manifestDigest, digest("policy"), results);
  }

  static TicketEvidence evidence(int n, String author, GateEvidence document) {
    return new TicketEvidence(n, document, document.digest(), author, NOW, UUID.randomUUID());
  }

  Bound bound() {
    TicketEvidence last = evidence.get(evidence.size() - 1);
    return new Bound(DIGEST, last.digest(), last.n());
  }

  static Signoff unchanged(Pointer base) {
    return new Signoff(
        base == null ? null : base.version(),
        base == null ? null : base.digest(),
        true,
        null,
        UUID.randomUUID());
  }

  Approval approval(Kind kind, Waivable gate, String actor, Signoff signoff) {
    return new Approval(
        UUID.randomUUID(),
        kind,
        gate,
        actor,
        NOW.minusSeconds(30),
        bound(),
        signoff,
        "seen",
        NOW.plus(Duration.ofDays(1)),
        UUID.randomUUID(),
        null);
  }

  static Approval changed(Approval a, Bound bound, Instant expiresAt, Instant withdrawn) {
    return new Approval(
        a.id(),
        a.kind(),
        a.gate(),
        a.actor(),
        a.at(),
        bound,
        a.signoff(),
        a.reason(),
        expiresAt,
        a.auditId(),
        withdrawn);
  }

  TicketState state() {
    Ticket ticket =
        new Ticket(
            7,
            MODEL,
            VERSION,
            DIGEST,
            Ticket.Trigger.schedule,
            "77f3",
            "abc1234",
            "ana",
            NOW.minusSeconds(90),
            "weekly",
            UUID.randomUUID());
    return new TicketState(ticket, evidence, List.of(), approvals, closure, promoted, null, NOW);
  }

  static PromoteCommand command(String actor) {
    return new PromoteCommand(
        MODEL, VERSION, DIGEST, "MLAPPROVAL-7", actor, "weekly", 2, null, List.of());
  }
}
