package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Bodies;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Params;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.ControlState;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.Retraining;
import io.apgms.ml.registry.Retrainings;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code /admin/retrainings}: the requests MLRETRAIN-n; a regulator's is made here. */
final class RetrainingRoutes {
  private static final int MAX_REASON = 2_000;

  /** What a person can give as the cause; alerts open the others. */
  private enum Cause {
    regulator
  }

  private final RegistryDatabase registry;
  private final RetrainingRequests requests;

  RetrainingRoutes(RegistryDatabase registry, RetrainingRequests requests) {
    this.registry = registry;
    this.requests = requests;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    String retrainings = "/admin/retrainings";
    router
        .post(retrainings)
        .handler(guard.only(Roles.DS_LEAD, Roles.COMPLIANCE))
        .handler(body)
        .handler(this::open);
    router.get(retrainings).handler(guard.staff()).handler(this::list);
  }

  private void open(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String model = fields.required("modelId", 64);
    if (!model.isEmpty() && !Names.isModel(model)) {
      fields.refuse("modelId", FieldError.quote(model) + ", expected 1 to 64 of a-z, 0-9 and '-'");
    }
    fields.word("cause", Cause.class);
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    Retrainings.Asked asked =
        new Retrainings.Asked(
            model, Retraining.Cause.regulator, null, null, reason, Guard.actor(rc));
    Future<ObjectNode> answer =
        registry
            .controlState()
            .map(state -> requireModel(state, model))
            .compose(state -> requests.open(asked, state.at()))
            .map(
                outcome ->
                    outcome
                        .map(RetrainingRoutes::made)
                        .orElseThrow(
                            () ->
                                Problem.busy(
                                    503,
                                    "the labels are still being hashed; it is opened when that is"
                                        + " done")));
    AdminRoutes.answer(rc, 201, answer);
  }

  private static ControlState requireModel(ControlState state, String model) {
    if (state.pointer(model).isEmpty()) {
      throw Problem.of(404, "unknown model " + FieldError.quote(model));
    }
    return state;
  }

  private static ObjectNode made(Retrainings.Outcome outcome) {
    Retraining r = outcome.retraining();
    if (!outcome.opened()) {
      throw new RegistryException.Conflict(
          r.name() + " of " + r.model() + " is open since " + r.at() + ", expected none");
    }
    return json(new Retrainings.Line(r, null, true));
  }

  private void list(RoutingContext rc) {
    Params params = new Params(rc, Set.of("modelId", "before", "limit"));
    String model = params.text("modelId");
    long before = params.number("before", Long.MAX_VALUE, 1, Long.MAX_VALUE);
    int limit = params.limit();
    params.check();
    Future<ObjectNode> answer =
        registry
            .retrainings()
            .list(model, before, limit)
            .map(lines -> Answers.list("retrainings", lines, RetrainingRoutes::json));
    AdminRoutes.answer(rc, 200, answer);
  }

  private static ObjectNode json(Retrainings.Line line) {
    Retraining r = line.retraining();
    ObjectNode out =
        Answers.object()
            .put("retraining", r.name())
            .put("modelId", r.model())
            .put("cause", r.cause().name())
            .put("state", state(line))
            .put("reason", r.reason())
            .put("actor", r.actor())
            .put("at", r.at().toString())
            .put("auditId", r.auditId().toString());
    putIfSet(out, "answeredBy", line.answeredBy());
    putIfSet(out, "alert", r.alert());
    putIfSet(out, "since", r.since() == null ? null : r.since().toString());
    out.putObject("dataset")
        .put("from", r.dataset().from().toString())
        .put("to", r.dataset().to().toString())
        .put("rows", r.dataset().rows())
        .put("sha256", r.dataset().sha256());
    return out;
  }

  private static String state(Retrainings.Line line) {
    if (line.answeredBy() != null) {
      return "answered";
    }
    return line.open() ? "open" : "expired";
  }

  private static void putIfSet(ObjectNode out, String key, @Nullable String value) {
    if (value != null) {
      out.put(key, value);
    }
  }
}
