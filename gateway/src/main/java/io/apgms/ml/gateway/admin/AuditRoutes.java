package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.audit.AuditJson;
import io.apgms.ml.gateway.audit.AuditProofs;
import io.apgms.ml.gateway.audit.HeadFiles;
import io.apgms.ml.gateway.audit.SignedHead;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Params;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.AuditLog;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;
import java.util.UUID;

/** The audit log on the management listener. */
final class AuditRoutes {
  private final AuditLog log;
  private final HeadFiles heads;
  private final AuditProofs proofs;

  AuditRoutes(AuditLog log, HeadFiles heads, AuditProofs proofs) {
    this.log = log;
    this.heads = heads;
    this.proofs = proofs;
  }

  void mount(Router router, Guard guard) {
    Handler<RoutingContext> auditors =
        guard.only(Roles.ONCALL, Roles.DS_LEAD, Roles.COMPLIANCE, Roles.SRE);
    router.get("/admin/audit").handler(auditors).handler(this::list);
    router.get("/admin/audit/verify").handler(auditors).handler(this::verify);
    router.get("/admin/audit/:id/proof").handler(auditors).handler(this::proof);
  }

  private void list(RoutingContext rc) {
    Params params = new Params(rc, Set.of("after", "limit"));
    long after = params.number("after", 0, 0, Long.MAX_VALUE);
    int limit = params.limit();
    params.check();
    Future<ObjectNode> answer =
        log.list(after, limit).map(entries -> Answers.list("entries", entries, AuditJson::json));
    AdminRoutes.answer(rc, 200, answer);
  }

  /** Also against the head exported last, so that a log that was cut is found. */
  private void verify(RoutingContext rc) {
    AuditHead exported = heads.last().map(SignedHead::head).orElse(AuditHead.EMPTY);
    Future<ObjectNode> answer =
        log.verify(exported)
            .map(
                check ->
                    Answers.object()
                        .put("intact", check.intact())
                        .put("intactRows", check.intactRows())
                        .put("firstBadSeq", check.firstBadSeq())
                        .put("reason", check.reason()));
    AdminRoutes.answer(rc, 200, answer);
  }

  private void proof(RoutingContext rc) {
    String text = rc.pathParam("id");
    UUID id = Fields.parseUuid(text);
    if (id == null) {
      throw Problem.of(404, FieldError.quote(text) + " is no prediction and no audit entry");
    }
    AdminRoutes.answer(rc, 200, proofs.of(id));
  }
}
