package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.Spools;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code /admin/replicas}: how far each replica's spool has shipped, and the word of an operator
 * that one is lost.
 */
final class ReplicaRoutes {
  private static final int MAX_REASON = 2_000;
  private static final int MAX_ID = 255;

  private final AuditLog audit;

  ReplicaRoutes(AuditLog audit) {
    this.audit = audit;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    router.get("/admin/replicas").handler(guard.only(Roles.ONCALL, Roles.SRE)).handler(this::list);
    router
        .post("/admin/replicas/:replica/forget")
        .handler(guard.only(Roles.ONCALL, Roles.SRE))
        .handler(body)
        .handler(this::forget);
  }

  private void list(RoutingContext rc) {
    AdminRoutes.answer(
        rc,
        200,
        audit
            .transaction(Spools::list)
            .map(spools -> Answers.list("replicas", spools, ReplicaRoutes::json)));
  }

  private static ObjectNode json(Spools.View spool) {
    return Answers.object()
        .put("replica", spool.replica())
        .put("shippedBefore", spool.shippedBefore().toString())
        .put("seenAt", spool.seenAt().toString())
        .put("silentMs", spool.silentMs());
  }

  /** The audit row first, in the transaction that takes the spool away. */
  private void forget(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    String replica = rc.pathParam("replica");
    if (replica.length() > MAX_ID || replica.indexOf('\0') >= 0) {
      throw Problem.of(404, "no spool of that replica is published");
    }
    String actor = Guard.actor(rc);
    Future<ObjectNode> answer =
        audit.transaction(
            c ->
                Spools.lock(c, replica)
                    .compose(
                        spool ->
                            audit
                                .append(c, record(actor, reason, spool))
                                .compose(
                                    entry ->
                                        Spools.forget(c, replica)
                                            .map(
                                                json(spool)
                                                    .put("auditId", entry.id().toString())))));
    AdminRoutes.answer(rc, 200, answer);
  }

  private static AuditRecord record(String actor, String reason, Spools.View spool) {
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("reason", reason);
    detail.put("shippedBefore", spool.shippedBefore().toString());
    detail.put("seenAt", spool.seenAt().toString());
    return new AuditRecord(actor, "spool.forget", spool.replica(), detail);
  }
}
