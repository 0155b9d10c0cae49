package io.apgms.ml.registry;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Signoff;
import io.apgms.ml.registry.ErrorBudget.Used;
import io.vertx.core.Future;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Adds an approval to a ticket whose row is locked: the rules, audit row, the row itself. */
final class Approvals {
  private final AuditLog audit;

  Approvals(AuditLog audit) {
    this.audit = audit;
  }

  Future<Void> add(SqlConnection c, TicketState state, ApprovalRequest request, Duration validity) {
    return requireNamedAudit(c, request.signoff())
        .compose(v -> requireBase(c, state, request.signoff()))
        .compose(v -> ErrorBudgets.used(c, state.ticket().model()))
        .compose(used -> approve(c, state, request, validity, used));
  }

  private Future<Void> approve(
      SqlConnection c, TicketState state, ApprovalRequest request, Duration validity, Used used) {
    if (state.approvals().size() >= TicketTable.MAX_APPROVALS) {
      throw new RegistryException.Conflict(
          "a further approval, expected at most " + TicketTable.MAX_APPROVALS + " of a ticket");
    }
    Tickets.require(state.ticket().name(), refusals(state, request, used));
    int n = state.newest().map(TicketEvidence::n).orElseThrow();
    Bound bound = new Bound(request.bound().manifestDigest(), request.bound().evidenceDigest(), n);
    UUID id = UUID.randomUUID();
    return audit
        .append(
            c,
            new AuditRecord(
                request.actor(),
                "ticket." + request.kind(),
                state.ticket().name(),
                detail(id, request, used)))
        .map(
            entry ->
                new Approval(
                    id,
                    request.kind(),
                    request.gate(),
                    request.actor(),
                    entry.at(),
                    bound,
                    request.signoff(),
                    request.reason(),
                    entry.at().plus(validity),
                    entry.id(),
                    null))
        .compose(approval -> TicketTable.insert(c, state.ticket().id(), approval));
  }

  private static List<Refusal> refusals(TicketState state, ApprovalRequest request, Used used) {
    Signoff signoff = request.signoff();
    String base = signoff == null ? null : signoff.baseDigest();
    List<Refusal> no =
        new ArrayList<>(
            TicketRules.ofApproval(state, request.kind(), request.bound(), request.actor()));
    no.addAll(
        TicketRules.ofRepetition(state, request.kind(), request.gate(), request.actor(), base));
    if (signoff != null) {
      no.addAll(TicketRules.ofThresholds(signoff.thresholdsUnchanged(), request.differences()));
    }
    Waivable gate = request.gate();
    if (gate != null) {
      no.addAll(WaiverRules.ofWaiver(state, gate, used));
    }
    return no;
  }

  private static Map<String, @Nullable Object> detail(UUID id, ApprovalRequest request, Used used) {
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("approval", id.toString());
    detail.put("manifestDigest", request.bound().manifestDigest());
    detail.put("evidenceDigest", request.bound().evidenceDigest());
    detail.put("reason", request.reason());
    detail.put("gate", request.gate() == null ? null : request.gate().word());
    if (request.gate() == Waivable.error_budget) {
      detail.put("errorBudgetRemaining", Promotions.rounded(used.remaining()));
    }
    Signoff signoff = request.signoff();
    if (signoff != null) {
      detail.put("baseVersion", signoff.baseVersion());
      detail.put("baseDigest", signoff.baseDigest());
      detail.put("thresholdsUnchanged", signoff.thresholdsUnchanged());
      detail.put("changeReason", signoff.changeReason());
      detail.put("auditId", signoff.namedAuditId().toString());
      detail.put("changes", request.differences().stream().map(d -> "" + d).toList());
    }
    return detail;
  }

  private static Future<Void> requireNamedAudit(SqlConnection c, @Nullable Signoff signoff) {
    if (signoff == null) {
      return Future.succeededFuture();
    }
    return c.preparedQuery("SELECT 1 FROM registry.audit_log WHERE id = $1")
        .execute(Tuple.of(signoff.namedAuditId()))
        .map(
            rows -> {
              if (rows.size() == 0) {
                throw new RegistryException.Invalid(
                    "auditId "
                        + signoff.namedAuditId()
                        + " is not in the audit log, expected an entry's id");
              }
              return null;
            });
  }

  /** What the sign-off compared with must still be active; a promotion checks it once more. */
  private static Future<Void> requireBase(
      SqlConnection c, TicketState state, @Nullable Signoff signoff) {
    if (signoff == null) {
      return Future.succeededFuture();
    }
    return c.preparedQuery("SELECT digest FROM registry.pointer WHERE model = $1")
        .execute(Tuple.of(state.ticket().model()))
        .map(
            rows -> {
              String active = Rows.first(rows, r -> r.getString("digest")).orElse(null);
              if (!Objects.equals(active, signoff.baseDigest())) {
                throw new RegistryException.Conflict(
                    "the thresholds were compared with "
                        + signoff.baseDigest()
                        + ", expected the active "
                        + active
                        + ": look at the ticket again");
              }
              return null;
            });
  }
}
