package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.LegalHolds;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * {@code /admin/feedback/holds}: what is kept beyond its retention, set and lifted on the record.
 */
final class HoldRoutes {
  private static final int MAX_REASON = 2_000;

  private final AuditLog audit;

  HoldRoutes(AuditLog audit) {
    this.audit = audit;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    String holds = "/admin/feedback/holds";
    router.get(holds).handler(guard.only(Roles.COMPLIANCE)).handler(this::list);
    router.post(holds).handler(guard.only(Roles.COMPLIANCE)).handler(body).handler(this::set);
    router.delete(holds + "/:id").handler(guard.only(Roles.COMPLIANCE)).handler(this::lift);
  }

  private void list(RoutingContext rc) {
    Future<ObjectNode> answer =
        audit
            .transaction(LegalHolds::list)
            .map(all -> Answers.list("holds", all, HoldRoutes::json));
    AdminRoutes.answer(rc, 200, answer);
  }

  private static ObjectNode json(LegalHolds.Hold hold) {
    return Answers.object()
        .put("id", hold.id().toString())
        .put("modelId", hold.modelId())
        .put("from", text(hold.from()))
        .put("to", text(hold.to()))
        .put("reason", hold.reason())
        .put("actor", hold.actor())
        .put("setAt", hold.setAt().toString());
  }

  private static @Nullable String text(@Nullable Instant at) {
    return at == null ? null : at.toString();
  }

  private void set(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String reason = fields.required("reason", MAX_REASON);
    String modelId = fields.optional("modelId", 64);
    Instant from = fields.time("from");
    Instant to = fields.time("to");
    if (from != null && to != null && !from.isBefore(to)) {
      fields.refuse("to", to + ", expected a time after from");
    }
    fields.check();
    String actor = Guard.caller(rc).subject();
    UUID id = UUID.randomUUID();
    LegalHolds.Hold hold = new LegalHolds.Hold(id, modelId, from, to, reason, actor, Instant.now());
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("modelId", modelId);
    detail.put("from", text(from));
    detail.put("to", text(to));
    detail.put("reason", reason);
    AuditRecord record = new AuditRecord(actor, "hold.set", id.toString(), detail);
    AdminRoutes.answer(
        rc,
        201,
        audit
            .transaction(c -> audit.append(c, record).compose(e -> LegalHolds.set(c, hold).map(e)))
            .map(entry -> receipt(id, entry)));
  }

  private void lift(RoutingContext rc) {
    String text = rc.pathParam("id");
    UUID id = Fields.parseUuid(text);
    if (id == null) {
      throw Problem.of(404, "no hold in force with id " + FieldError.quote(text));
    }
    AuditRecord record =
        new AuditRecord(Guard.caller(rc).subject(), "hold.lift", id.toString(), Map.of());
    AdminRoutes.answer(
        rc,
        200,
        audit
            .transaction(c -> audit.append(c, record).compose(e -> LegalHolds.lift(c, id).map(e)))
            .map(entry -> receipt(id, entry)));
  }

  private static ObjectNode receipt(UUID id, AuditEntry entry) {
    return Answers.object().put("id", id.toString()).put("auditId", entry.id().toString());
  }
}
