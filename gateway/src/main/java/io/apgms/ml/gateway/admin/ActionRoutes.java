package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.ActionView;
import io.apgms.ml.feedback.Actions;
import io.apgms.ml.feedback.Page;
import io.apgms.ml.gateway.http.ActionJson;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Params;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code /admin/actions}: what became of actions, and dead letters sent once more. */
final class ActionRoutes {
  private static final int MAX_SINK = 300;
  private static final int MAX_EVENT_ID = 64;

  private final AuditLog audit;
  private final @Nullable Actions actions;

  ActionRoutes(AuditLog audit, @Nullable Actions actions) {
    this.audit = audit;
    this.actions = actions;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    router.get("/admin/actions").handler(guard.only(Roles.ONCALL)).handler(this::list);
    router
        .post("/admin/actions/redrive")
        .handler(guard.only(Roles.ONCALL))
        .handler(body)
        .handler(this::redrive);
  }

  private void list(RoutingContext rc) {
    Params params = new Params(rc, Set.of("state", "sink", "limit", "cursor"));
    Actions.State state = params.word("state", Actions.State.class);
    String sink = params.text("sink");
    int limit = params.limit();
    String cursor = params.text("cursor");
    params.check();
    Future<Page<ActionView>> page =
        actions == null
            ? Future.succeededFuture(new Page<>(List.of(), null))
            : actions.list(state == null ? Actions.State.dead : state, sink, limit, cursor);
    AdminRoutes.answer(rc, 200, page.map(ActionRoutes::json));
  }

  private static ObjectNode json(Page<ActionView> page) {
    ObjectNode out = Answers.object();
    ArrayNode items = out.putArray("actions");
    page.items()
        .forEach(
            action ->
                items.add(
                    ActionJson.of(action).put("predictionId", action.predictionId().toString())));
    out.put("nextCursor", page.nextCursor());
    return out;
  }

  /** The audit row first, in the transaction that makes them due. */
  private void redrive(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String reason = fields.required("reason", 2_000);
    String sink = fields.optional("sink", MAX_SINK);
    String eventId = fields.optional("eventId", MAX_EVENT_ID);
    fields.check();
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("reason", reason);
    detail.put("sink", sink);
    detail.put("eventId", eventId);
    String of = sink == null ? "every sink" : sink.substring(0, Math.min(sink.length(), 255));
    AuditRecord record = new AuditRecord(Guard.actor(rc), "actions.redrive", of, detail);
    Future<ObjectNode> answer =
        audit.transaction(
            c ->
                audit
                    .append(c, record)
                    .compose(
                        entry ->
                            Actions.redrive(c, sink, eventId == null ? null : List.of(eventId))
                                .map(
                                    count ->
                                        Answers.object()
                                            .put("redriven", count)
                                            .put("auditId", entry.id().toString()))));
    AdminRoutes.answer(rc, 200, answer);
  }
}
