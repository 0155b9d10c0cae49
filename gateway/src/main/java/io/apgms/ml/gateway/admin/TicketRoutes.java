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
import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.Approval.Signoff;
import io.apgms.ml.registry.ApprovalRequest;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.Promotions.Preflight;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.RegulatedThresholds.Difference;
import io.apgms.ml.registry.ReplaySummary;
import io.apgms.ml.registry.Ticket;
import io.apgms.ml.registry.TicketState;
import io.apgms.ml.registry.TicketState.Outcome;
import io.apgms.ml.registry.Tickets;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.Waivable;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The approval tickets {@code MLAPPROVAL-n} on the management listener. */
final class TicketRoutes {
  private static final int MAX_REASON = 2_000;
  private static final int DIGEST_LENGTH = 71;

  private final Vertx vertx;
  private final RegistryDatabase registry;
  private final Candidates candidates;
  private final Duration validity;

  TicketRoutes(Vertx vertx, RegistryDatabase registry, Candidates candidates, Duration validity) {
    this.vertx = vertx;
    this.registry = registry;
    this.candidates = candidates;
    this.validity = validity;
  }

  void mount(Router router, Guard guard, Handler<RoutingContext> body) {
    String tickets = "/admin/tickets";
    String ticket = tickets + "/:ticket";
    Handler<RoutingContext> scientist = guard.only(Roles.DATA_SCIENTIST);
    Handler<RoutingContext> compliance = guard.only(Roles.COMPLIANCE);
    router.post(tickets).handler(scientist).handler(body).handler(this::open);
    router.get(tickets).handler(guard.staff()).handler(this::list);
    router.get(ticket).handler(guard.staff()).handler(this::show);
    router
        .post(ticket + "/evidence")
        .handler(guard.only(Roles.DATA_SCIENTIST, Roles.SRE))
        .handler(body)
        .handler(this::evidence);
    router.post(ticket + "/replay").handler(scientist).handler(body).handler(this::replay);
    router.post(ticket + "/review").handler(scientist).handler(body).handler(this::review);
    router.post(ticket + "/signoff").handler(compliance).handler(body).handler(this::signoff);
    router.post(ticket + "/waiver").handler(compliance).handler(body).handler(this::waive);
    router
        .post(ticket + "/withdraw")
        .handler(guard.only(Roles.DATA_SCIENTIST, Roles.COMPLIANCE))
        .handler(body)
        .handler(this::withdraw);
    router
        .post(ticket + "/close")
        .handler(guard.only(Roles.DATA_SCIENTIST, Roles.DS_LEAD))
        .handler(body)
        .handler(this::close);
  }

  private void open(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    String model = fields.required("modelId", 64);
    if (!model.isEmpty() && !Names.isModel(model)) {
      fields.refuse("modelId", FieldError.quote(model) + ", expected 1 to 64 of a-z, 0-9 and '-'");
    }
    String version = fields.required("version", 16);
    if (!version.isEmpty() && !Names.isVersion(version)) {
      fields.refuse("version", FieldError.quote(version) + ", expected YYYYMMDD or YYYYMMDD-n");
    }
    Ticket.Trigger trigger = fields.word("trigger", Ticket.Trigger.class);
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    String author = Guard.actor(rc);
    Future<TicketState> opened =
        vertx
            .executeBlocking(() -> candidates.load(model, version), false)
            .map(found -> opening(found, trigger, author, reason))
            .compose(registry.tickets()::open);
    answer(rc, 201, opened);
  }

  private static Tickets.Opening opening(
      VerifiedArtifact found, Ticket.@Nullable Trigger trigger, String author, String reason) {
    Ticket.Trigger named = trigger == null ? Ticket.Trigger.manual : trigger; // checked before
    return new Tickets.Opening(found.manifest(), found.digest(), named, author, reason);
  }

  private void list(RoutingContext rc) {
    Params params = new Params(rc, Set.of("modelId", "before", "limit"));
    String model = params.text("modelId");
    long before = params.number("before", Long.MAX_VALUE, 1, Long.MAX_VALUE);
    int limit = params.limit();
    params.check();
    Future<ObjectNode> answer =
        registry
            .tickets()
            .list(model, before, limit)
            .map(lines -> Answers.list("tickets", lines, TicketJson::line));
    AdminRoutes.answer(rc, 200, answer);
  }

  private void show(RoutingContext rc) {
    AdminRoutes.answer(rc, 200, shown(name(rc)));
  }

  private void evidence(RoutingContext rc) {
    Bodies.requireJson(rc);
    GateEvidence evidence = GateEvidence.parse(Bodies.bytes(rc));
    answer(rc, 200, registry.tickets().addEvidence(name(rc), evidence, Guard.actor(rc)));
  }

  private void replay(RoutingContext rc) {
    Bodies.requireJson(rc);
    ReplaySummary replay = ReplaySummary.parse(Bodies.bytes(rc));
    answer(rc, 200, registry.tickets().attach(name(rc), replay, Guard.actor(rc)));
  }

  private void review(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    Bound bound = bound(fields);
    String comment = fields.required("comment", MAX_REASON);
    fields.check();
    answer(rc, 200, approve(ApprovalRequest.review(name(rc), Guard.actor(rc), comment, bound)));
  }

  private void waive(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    Bound bound = bound(fields);
    String word = fields.required("gate", 64);
    Optional<Waivable> gate = Waivable.of(word);
    if (gate.isEmpty() && !word.isEmpty()) {
      fields.refuse(
          "gate",
          FieldError.quote(word) + ", expected one of " + Arrays.toString(Waivable.values()));
    }
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    Waivable named = gate.orElseThrow(); // checked before
    answer(
        rc, 200, approve(ApprovalRequest.waiver(name(rc), Guard.actor(rc), reason, bound, named)));
  }

  private void signoff(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    Bound bound = bound(fields);
    boolean unchanged = fields.flag("thresholdsUnchanged");
    String changeReason = fields.optional("changeReason", MAX_REASON);
    UUID audit = fields.uuid("auditId");
    String comment = fields.required("comment", MAX_REASON);
    fields.check();
    String name = name(rc);
    String actor = Guard.actor(rc);
    UUID named = audit == null ? new UUID(0, 0) : audit; // checked before
    Future<TicketState> signed =
        registry
            .promotions()
            .readiness(name)
            .compose(
                found ->
                    differences(found)
                        .map(
                            differences ->
                                new ApprovalRequest(
                                    name,
                                    Kind.risk_signoff,
                                    actor,
                                    comment,
                                    bound,
                                    null,
                                    signoff(found.active(), unchanged, changeReason, named),
                                    differences)))
            .compose(this::approve);
    answer(rc, 200, signed);
  }

  private static Signoff signoff(
      @Nullable Pointer active, boolean unchanged, @Nullable String changeReason, UUID audit) {
    return new Signoff(
        active == null ? null : active.version(),
        active == null ? null : active.digest(),
        unchanged,
        changeReason,
        audit);
  }

  private void withdraw(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    UUID approval = fields.uuid("approvalId");
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    UUID named = approval == null ? new UUID(0, 0) : approval; // checked before
    answer(rc, 200, registry.tickets().withdraw(name(rc), named, Guard.actor(rc), reason));
  }

  private void close(RoutingContext rc) {
    Fields fields = Bodies.fields(rc);
    Outcome outcome = fields.word("outcome", Outcome.class);
    String commit = fields.optional("commit", 64);
    String reason = fields.required("reason", MAX_REASON);
    fields.check();
    Outcome named = outcome == null ? Outcome.rejected : outcome; // checked before
    answer(rc, 200, registry.tickets().close(name(rc), named, commit, Guard.actor(rc), reason));
  }

  private Future<TicketState> approve(ApprovalRequest request) {
    return registry.tickets().approve(request, validity);
  }

  /** What the approver saw; checked against the ticket under its lock. */
  private static Bound bound(Fields fields) {
    String manifest = digest(fields, "manifestDigest");
    String evidence = digest(fields, "evidenceDigest");
    return new Bound(manifest, evidence, 0);
  }

  private static String digest(Fields fields, String key) {
    String digest = fields.required(key, DIGEST_LENGTH);
    if (digest.matches("sha256:[0-9a-f]{64}")) {
      return digest;
    }
    if (!digest.isEmpty()) {
      fields.refuse(key, FieldError.quote(digest) + ", expected sha256: and 64 hex digits");
    }
    return "sha256:" + "0".repeat(64); // refused, so never read
  }

  private static String name(RoutingContext rc) {
    String name = rc.pathParam("ticket");
    if (!Ticket.isName(name)) {
      throw Problem.of(404, "unknown ticket " + FieldError.quote(name) + ", expected MLAPPROVAL-n");
    }
    return name;
  }

  private void answer(RoutingContext rc, int status, Future<TicketState> done) {
    AdminRoutes.answer(rc, status, done.compose(state -> shown(state.ticket().name())));
  }

  private Future<ObjectNode> shown(String name) {
    return registry
        .promotions()
        .readiness(name)
        .compose(
            found ->
                differences(found)
                    .map(d -> TicketJson.of(found, d))
                    .recover(
                        e ->
                            e instanceof RegistryException // the artifact is gone, or another
                                ? Future.succeededFuture(TicketJson.of(found, null))
                                : Future.failedFuture(e)));
  }

  private Future<List<Difference>> differences(Preflight found) {
    Ticket t = found.ticket().ticket();
    return vertx.executeBlocking(
        () -> candidates.differences(found.active(), t.model(), t.version(), t.manifestDigest()),
        false);
  }
}
