package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.Approval.Signoff;
import io.apgms.ml.registry.GateResult.Outcome;
import io.vertx.core.Future;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/** One model with an active version and a ticket for its next, in a real database. */
final class TicketDatabase {
  static final String ACTIVE = "20261123";
  static final String NEXT = "20261124";
  private static final AtomicInteger COUNT = new AtomicInteger();

  final TestDatabase db;
  private final RegistryDatabase registry;
  final String model = "model-" + COUNT.incrementAndGet();
  final String name;

  TicketDatabase(TestDatabase db) {
    this(db, db.registry);
  }

  TicketDatabase(TestDatabase db, RegistryDatabase registry) {
    this.db = db;
    this.registry = registry;
    get(
        registry
            .deployments()
            .bootstrap(
                model, List.of(new VersionDigest(ACTIVE, digest(ACTIVE), List.of())), "shipped"));
    name = open(NEXT);
  }

  String digest(String version) {
    return TicketFixture.digest(model + version);
  }

  String open(String version) {
    Manifest manifest = ArtifactFixture.manifest(model, version, List.of());
    return get(registry
            .tickets()
            .open(
                new Tickets.Opening(
                    manifest, digest(version), Ticket.Trigger.drift, "ana", "drift for 3 hours")))
        .ticket()
        .name();
  }

  GateEvidence evidence(String version, Outcome smoke) {
    List<GateResult> results = new ArrayList<>();
    for (Gate gate : Gate.values()) {
      results.add(
          new GateResult(gate, gate == Gate.smoke ? smoke : Outcome.pass, List.of("measured")));
    }
    return new GateEvidence(
        model, version, digest(version), TicketFixture.digest("policy"), results);
  }

  TicketState bring(String ticket, String version, Outcome smoke, String actor) {
    return get(registry.tickets().addEvidence(ticket, evidence(version, smoke), actor));
  }

  Bound bound(String ticket) {
    TicketState state = get(registry.tickets().find(ticket));
    return new Bound(state.ticket().manifestDigest(), state.newest().orElseThrow().digest(), 0);
  }

  Future<TicketState> review(String ticket, String actor, Bound bound) {
    return approve(ApprovalRequest.review(ticket, actor, "looks right", bound));
  }

  Future<TicketState> signoff(String ticket, String actor) {
    TicketState state = get(registry.tickets().find(ticket));
    Pointer active = get(registry.controlState()).pointer(model).orElseThrow();
    UUID named = state.newest().map(TicketEvidence::auditId).orElse(state.ticket().auditId());
    Signoff signoff = new Signoff(active.version(), active.digest(), true, null, named);
    return approve(
        new ApprovalRequest(
            ticket,
            Kind.risk_signoff,
            actor,
            "as before",
            bound(ticket),
            null,
            signoff,
            List.of()));
  }

  Future<TicketState> approve(ApprovalRequest request) {
    return registry.tickets().approve(request, Duration.ofDays(1));
  }

  /** Evidence by the author, review by ben, sign-off by cora. */
  void approveAll(String ticket, String version) {
    bring(ticket, version, Outcome.pass, "ana");
    get(review(ticket, "ben", bound(ticket)));
    get(signoff(ticket, "cora"));
  }

  PromoteCommand command(String ticket, String version, String actor, int onRevision) {
    return new PromoteCommand(
        model, version, digest(version), ticket, actor, "weekly", onRevision, null, List.of());
  }

  Future<Change> promote(String ticket, String version, String actor, int onRevision) {
    return registry
        .promotions()
        .promote(command(ticket, version, actor, onRevision), Future::succeededFuture);
  }

  List<AuditEntry> audit(String action) {
    return get(registry.audit().list(0, 500)).stream()
        .filter(e -> e.action().equals(action))
        .filter(
            e ->
                e.subject().equals(model)
                    || e.subject().equals(name)
                    || e.detail().contains("\"" + model + "\""))
        .toList();
  }
}
