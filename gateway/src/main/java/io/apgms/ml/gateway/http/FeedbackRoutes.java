package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.LabelQuery;
import io.apgms.ml.feedback.LabelReceipt;
import io.apgms.ml.feedback.LabelView;
import io.apgms.ml.feedback.Labels;
import io.apgms.ml.feedback.NewLabel;
import io.vertx.core.Handler;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** {@code /ml/feedback}: a human's verdict on a prediction, kept once and listed. */
final class FeedbackRoutes {
  private static final Set<String> FILTERS =
      Set.of(
          "modelId",
          "modelVersion",
          "label",
          "source",
          "predictionId",
          "from",
          "to",
          "limit",
          "cursor");
  private static final Duration CLOCK_SKEW = Duration.ofMinutes(5);
  private static final int RETENTION_MONTHS = 18;

  private final Labels labels;

  private FeedbackRoutes(Labels labels) {
    this.labels = labels;
  }

  static void mount(Router router, Guard guard, Handler<RoutingContext> body, Labels labels) {
    FeedbackRoutes routes = new FeedbackRoutes(labels);
    router
        .post("/ml/feedback")
        .handler(guard.only(Roles.LABELLER))
        .handler(body)
        .handler(routes::record);
    router.get("/ml/feedback").handler(guard.staff()).handler(routes::list);
  }

  private void record(RoutingContext rc) {
    Caller caller = Guard.caller(rc);
    labels
        .record(label(rc, caller, Instant.now()), key(rc, caller))
        .onFailure(rc::fail)
        .onSuccess(receipt -> Answers.send(rc, 201, json(receipt)));
  }

  private static NewLabel label(RoutingContext rc, Caller caller, Instant now) {
    Fields fields = Bodies.fields(rc);
    UUID predictionId = fields.uuid("predictionId");
    String modelId = fields.required("modelId", 64);
    String modelVersion = fields.required("modelVersion", 16);
    NewLabel.Label label = fields.word("label", NewLabel.Label.class);
    NewLabel.Source source = fields.word("source", NewLabel.Source.class);
    String submittedBy = fields.optional("submittedBy", 128);
    String notes = fields.optional("notes", 2_000);
    String metadata = fields.object("metadata", 16_384);
    Instant observedAt = fields.time("observedAt");
    requireInRange(fields, observedAt, now);
    fields.check();
    if (predictionId == null || label == null || source == null) {
      throw new IllegalStateException("checked fields are there");
    }
    return new NewLabel(
        predictionId,
        modelId,
        modelVersion,
        label,
        source,
        submittedBy == null ? caller.subject() : submittedBy,
        notes,
        metadata,
        observedAt == null ? now : observedAt);
  }

  private static void requireInRange(Fields fields, @Nullable Instant observedAt, Instant now) {
    if (observedAt == null) {
      return;
    }
    Instant oldest = now.atOffset(ZoneOffset.UTC).minusMonths(RETENTION_MONTHS).toInstant();
    if (observedAt.isAfter(now.plus(CLOCK_SKEW)) || observedAt.isBefore(oldest)) {
      fields.refuse("observedAt", observedAt + ", expected a time from " + oldest + " to now");
    }
  }

  private static Labels.Key key(RoutingContext rc, Caller caller) {
    return new Labels.Key(
        caller.subject(), Bodies.idempotencyKey(rc), Bodies.sha256(Bodies.bytes(rc)));
  }

  private void list(RoutingContext rc) {
    Params params = new Params(rc, FILTERS);
    LabelQuery query =
        new LabelQuery(
            params.text("modelId"),
            params.text("modelVersion"),
            params.word("label", NewLabel.Label.class),
            params.word("source", NewLabel.Source.class),
            params.uuid("predictionId"),
            params.time("from"),
            params.time("to"),
            params.limit(),
            params.text("cursor"));
    params.check();
    labels
        .list(query)
        .onFailure(rc::fail)
        .onSuccess(
            page -> {
              ObjectNode out = Answers.object();
              ArrayNode items = out.putArray("feedback");
              page.items().forEach(label -> items.add(json(label)));
              out.put("nextCursor", page.nextCursor());
              Answers.send(rc, 200, out);
            });
  }

  private static ObjectNode json(LabelReceipt receipt) {
    return Answers.object()
        .put("id", receipt.id().toString())
        .put("recordedAt", receipt.recordedAt().toString());
  }

  static ObjectNode json(LabelView view) {
    NewLabel l = view.label();
    ObjectNode out =
        Answers.object()
            .put("id", view.id().toString())
            .put("predictionId", l.predictionId().toString())
            .put("modelId", l.modelId())
            .put("modelVersion", l.modelVersion())
            .put("label", l.label().name())
            .put("source", l.source().name())
            .put("submittedBy", l.submittedBy())
            .put("observedAt", l.observedAt().toString())
            .put("recordedAt", view.recordedAt().toString())
            .put("notes", l.notes());
    if (l.metadataJson() != null) {
      out.set("metadata", Answers.parse(l.metadataJson()));
    }
    return out;
  }
}
