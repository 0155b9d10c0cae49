package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.Redactions;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** {@code POST /admin/feedback/redactions}: pseudonyms in the place of a person, on the record. */
final class RedactionRoutes {
  private static final int MAX_REASON = 2_000;
  private static final int MAX_PREDICTIONS = 500;
  private static final int MAX_NAME = 128;

  private final AuditLog audit;
  private final Redactions redactions;

  RedactionRoutes(AuditLog audit, Redactions redactions) {
    this.audit = audit;
    this.redactions = redactions;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    router
        .post("/admin/feedback/redactions")
        .handler(guard.only(Roles.COMPLIANCE))
        .handler(body)
        .handler(this::redact);
  }

  private void redact(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String reason = fields.required("reason", MAX_REASON);
    String entityId = fields.optional("entityId", MAX_NAME);
    List<UUID> predictionIds = fields.uuids("predictionIds", MAX_PREDICTIONS);
    String submittedBy = fields.optional("submittedBy", MAX_NAME);
    boolean dryRun = fields.has("dryRun") && fields.flag("dryRun");
    int given =
        (entityId == null ? 0 : 1)
            + (predictionIds.isEmpty() ? 0 : 1)
            + (submittedBy == null ? 0 : 1);
    if (given != 1) {
      fields.refuse(
          "entityId", given + " given, expected one of entityId, predictionIds and submittedBy");
    }
    fields.check();
    Redactions.Person person = new Redactions.Person(entityId, predictionIds, submittedBy);
    String by =
        entityId != null ? "entityId" : submittedBy != null ? "submittedBy" : "predictionIds";
    AdminRoutes.answer(
        rc,
        200,
        dryRun
            ? audit
                .transaction(c -> redactions.look(c, person))
                .map(round -> json(round, null, true))
            : redact(person, Guard.caller(rc).subject(), Map.of("reason", reason, "by", by)));
  }

  private Future<ObjectNode> redact(
      Redactions.Person person, String actor, Map<String, String> why) {
    AtomicReference<@Nullable AuditEntry> entry = new AtomicReference<>();
    return redactions
        .ship()
        .compose(
            v ->
                audit.transaction(
                    c ->
                        redactions.redact(
                            c,
                            person,
                            round ->
                                audit
                                    .append(c, record(actor, round, why))
                                    .onSuccess(entry::set)
                                    .map(AuditEntry::seq))))
        .compose(round -> redactions.rewriteSpool().map(round))
        .map(round -> json(round, entry.get(), false));
  }

  private static AuditRecord record(String actor, Redactions.Round round, Map<String, String> why) {
    Map<String, @Nullable Object> detail = new HashMap<>(Redactions.detail(round));
    detail.putAll(why);
    return new AuditRecord(actor, Redactions.ACTION, round.id().toString(), detail);
  }

  private static ObjectNode json(
      Redactions.Round round, @Nullable AuditEntry entry, boolean dryRun) {
    ObjectNode out =
        Answers.object()
            .put("dryRun", dryRun)
            .put("auditId", entry == null ? null : entry.id().toString())
            .put("decisions", round.decisions())
            .put("labels", round.labels())
            .put("requests", round.requests())
            .put("altered", round.altered())
            .put("more", round.more());
    ArrayNode exports = out.putArray("exports");
    for (Redactions.Export export : round.exports()) {
      exports
          .addObject()
          .put("exportId", export.id().toString())
          .put("at", export.at().toString())
          .put("actor", export.actor())
          .put("from", export.from().toString())
          .put("to", export.to().toString())
          .put("modelId", export.modelId());
    }
    return out;
  }
}
