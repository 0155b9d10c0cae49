package io.apgms.ml.registry;

import io.apgms.ml.registry.TicketState.Closure;
import io.apgms.ml.registry.TicketState.Outcome;
import io.vertx.core.Future;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * The approval tickets {@code MLAPPROVAL-n}.
 *
 * <p>Each change is one transaction: row lock on the ticket, the rules, audit row, the row itself.
 * A refusal ({@link RegistryException.Refused}, {@link RegistryException.Conflict}) changes nothing
 * but has its audit row.
 */
public final class Tickets {
  /** How long an approval counts where nothing else is set. */
  public static final Duration DEFAULT_VALIDITY = Duration.ofDays(14);

  private final Database db;
  private final AuditLog audit;
  private final Approvals approvals;

  Tickets(Database db, AuditLog audit) {
    this.db = db;
    this.audit = audit;
    this.approvals = new Approvals(audit);
  }

  /** A candidate as it was verified, and who brings it why. */
  public record Opening(
      Manifest manifest,
      String manifestDigest,
      Ticket.Trigger trigger,
      String author,
      String reason) {
    public Opening {
      Text.requireDigest(manifestDigest);
      Text.require("actor", author, Text.MAX_ID);
      Text.require("reason", reason, Text.MAX_REASON);
    }
  }

  /**
   * A ticket in a list.
   *
   * @param outcome null while it is open
   * @param revision that it made, null for none
   */
  public record Line(Ticket ticket, @Nullable Outcome outcome, @Nullable Integer revision) {}

  /** Opens a ticket for a candidate. */
  public Future<TicketState> open(Opening o) {
    Manifest m = o.manifest();
    return db.write(
        c ->
            TicketTable.nextId(c)
                .compose(
                    id ->
                        record(
                                c,
                                o.author(),
                                "ticket.open",
                                Ticket.name(id),
                                Map.of(
                                    "model", m.model(),
                                    "version", m.version(),
                                    "manifestDigest", o.manifestDigest(),
                                    "trigger", o.trigger().name(),
                                    "datasetSha256", m.provenance().datasetSha256(),
                                    "reason", o.reason()))
                            .map(entry -> opened(id, o, entry)))
                .compose(
                    t -> TicketTable.insert(c, t).compose(v -> TicketTable.lock(c, t.name()))));
  }

  private static Ticket opened(long id, Opening o, AuditEntry entry) {
    Manifest m = o.manifest();
    return new Ticket(
        id,
        m.model(),
        m.version(),
        o.manifestDigest(),
        o.trigger(),
        m.provenance().datasetSha256(),
        m.provenance().gitCommit(),
        o.author(),
        entry.at(),
        o.reason(),
        entry.id());
  }

  /** A ticket by its name; NotFound when there is none. */
  public Future<TicketState> find(String name) {
    return db.write(c -> TicketTable.lock(c, name));
  }

  /** The newest tickets before an id, of one model or of all, newest first. */
  public Future<List<Line>> list(@Nullable String model, long before, int limit) {
    return db.read(
        TicketTable.LIST,
        Tuple.of(model, before, limit),
        rows ->
            Rows.list(
                rows,
                r ->
                    new Line(
                        TicketTable.ticket(r),
                        r.getString("outcome") == null
                            ? null
                            : Outcome.valueOf(r.getString("outcome")),
                        r.getInteger("revision"))));
  }

  /** Brings what the gates said; approvals of earlier evidence count no more. */
  public Future<TicketState> addEvidence(String name, GateEvidence evidence, String actor) {
    Text.require("actor", actor, Text.MAX_ID);
    return change(
        name, actor, "ticket.evidence", (c, state) -> addEvidence(c, state, evidence, actor));
  }

  private Future<Void> addEvidence(
      SqlConnection c, TicketState state, GateEvidence evidence, String actor) {
    int n = state.evidence().size() + 1;
    if (n > TicketTable.MAX_EVIDENCE) {
      throw new RegistryException.Conflict(
          n + " pieces of evidence, expected at most " + TicketTable.MAX_EVIDENCE);
    }
    require(state.ticket().name(), TicketRules.ofEvidence(state, evidence));
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("n", n);
    detail.put("evidenceDigest", evidence.digest());
    detail.put("manifestDigest", evidence.manifestDigest());
    detail.put("policyDigest", evidence.policyDigest());
    evidence.results().forEach(r -> detail.put("" + r.gate(), r.outcome().name()));
    return record(c, actor, "ticket.evidence", state.ticket().name(), detail)
        .compose(
            entry ->
                TicketTable.insert(
                    c,
                    state.ticket().id(),
                    new TicketEvidence(
                        n, evidence, evidence.digest(), actor, entry.at(), entry.id())));
  }

  /** Attaches a replay of the ticket's candidate; it voids no approval. */
  public Future<TicketState> attach(String name, ReplaySummary replay, String actor) {
    Text.require("actor", actor, Text.MAX_ID);
    return change(name, actor, "ticket.replay", (c, state) -> attach(c, state, replay, actor));
  }

  private Future<Void> attach(
      SqlConnection c, TicketState state, ReplaySummary replay, String actor) {
    int n = state.replays().size() + 1;
    if (n > TicketTable.MAX_REPLAYS) {
      throw new RegistryException.Conflict(
          n + " replays, expected at most " + TicketTable.MAX_REPLAYS);
    }
    require(state.ticket().name(), TicketRules.ofReplay(state, replay));
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("n", n);
    detail.put("replayDigest", replay.documentDigest());
    detail.put("manifestDigest", replay.digest());
    detail.put("decisions", replay.decisions());
    detail.put("allowToReview", replay.allowToReview());
    detail.put("reviewToAllow", replay.reviewToAllow());
    return record(c, actor, "ticket.replay", state.ticket().name(), detail)
        .compose(
            entry ->
                TicketTable.insert(
                    c,
                    state.ticket().id(),
                    new TicketReplay(
                        n, replay, replay.documentDigest(), actor, entry.at(), entry.id())));
  }

  /** Approves, in one of three parts, for as long as {@code validity}. */
  public Future<TicketState> approve(ApprovalRequest request, Duration validity) {
    String action = "ticket." + request.kind();
    return change(
        request.ticket(),
        request.actor(),
        action,
        (c, state) -> approvals.add(c, state, request, validity));
  }

  /** Takes one's own approval back; it counts no more, and stays readable. */
  public Future<TicketState> withdraw(String name, UUID approval, String actor, String reason) {
    Text.require("actor", actor, Text.MAX_ID);
    Text.require("reason", reason, Text.MAX_REASON);
    return change(
        name,
        actor,
        "ticket.withdraw",
        (c, state) -> {
          requireOwn(state, approval, actor);
          Map<String, @Nullable Object> detail =
              Map.of("approval", approval.toString(), "reason", reason);
          return record(c, actor, "ticket.withdraw", name, detail)
              .compose(entry -> TicketTable.withdraw(c, approval, reason, entry));
        });
  }

  private static void requireOwn(TicketState state, UUID id, String actor) {
    Approval approval =
        state.approvals().stream()
            .filter(a -> a.id().equals(id))
            .findFirst()
            .orElseThrow(
                () ->
                    new RegistryException.NotFound(
                        state.ticket().name() + " has no approval " + id));
    if (!approval.actor().equals(actor)) {
      throw new RegistryException.Conflict(
          "approval " + id + " is of " + approval.actor() + ", expected one of " + actor);
    }
    if (approval.withdrawn() != null) {
      throw new RegistryException.Conflict(
          "approval " + id + " was withdrawn at " + approval.withdrawn());
    }
  }

  /**
   * Ends a ticket: as promoted, with the commit that carries the promotion, or as rejected.
   *
   * @param commit 7 to 64 lower-case hex digits of a promoted ticket; null for a rejected one
   */
  public Future<TicketState> close(
      String name, Outcome outcome, @Nullable String commit, String actor, String reason) {
    Text.require("actor", actor, Text.MAX_ID);
    Text.require("reason", reason, Text.MAX_REASON);
    requireCommit(outcome, commit);
    return change(
        name,
        actor,
        "ticket.close",
        (c, state) -> {
          require(name, TicketRules.ofClosing(state, outcome));
          Map<String, @Nullable Object> detail = new HashMap<>();
          detail.put("outcome", outcome.name());
          detail.put("commit", commit);
          detail.put("reason", reason);
          return record(c, actor, "ticket.close", name, detail)
              .map(e -> new Closure(outcome, commit, actor, e.at(), reason, e.id()))
              .compose(closure -> TicketTable.close(c, state.ticket().id(), closure));
        });
  }

  private static void requireCommit(Outcome outcome, @Nullable String commit) {
    boolean promoted = outcome == Outcome.promoted;
    if (promoted != (commit != null) || (commit != null && !commit.matches("[0-9a-f]{7,64}"))) {
      throw new RegistryException.Invalid(
          promoted
              ? "commit is not 7 to 64 lower-case hex digits, expected the promotion's commit"
              : "a commit for a rejected ticket, expected none");
    }
  }

  /** One change under the ticket's lock; answers the ticket after it. */
  private Future<TicketState> change(
      String name,
      String actor,
      String action,
      BiFunction<SqlConnection, TicketState, Future<Void>> work) {
    return db.write(
            c ->
                TicketTable.lock(c, name)
                    .compose(state -> work.apply(c, state))
                    .compose(v -> TicketTable.lock(c, name)))
        .recover(e -> refused(e, actor, action, name).compose(v -> Future.failedFuture(e)));
  }

  /** Writes a refusal into the audit log; what the log cannot take changes no answer. */
  Future<Void> refused(Throwable failure, String actor, String action, String subject) {
    List<String> reasons;
    if (failure instanceof RegistryException.Refused refused) {
      reasons = refused.refusals().stream().map(Refusal::toString).toList();
    } else if (failure instanceof RegistryException.Conflict
        || failure instanceof RegistryException.Corrupt) {
      reasons = List.of(String.valueOf(failure.getMessage()));
    } else {
      return Future.succeededFuture();
    }
    return audit
        .append(new AuditRecord(actor, action + ".refused", subject, Map.of("reasons", reasons)))
        .otherwiseEmpty()
        .mapEmpty();
  }

  private Future<AuditEntry> record(
      SqlConnection c,
      String actor,
      String action,
      String subject,
      Map<String, @Nullable Object> detail) {
    return audit.append(c, new AuditRecord(actor, action, subject, detail));
  }

  static void require(String what, List<Refusal> refusals) {
    if (!refusals.isEmpty()) {
      throw new RegistryException.Refused(what + " does not allow it", refusals);
    }
  }
}
