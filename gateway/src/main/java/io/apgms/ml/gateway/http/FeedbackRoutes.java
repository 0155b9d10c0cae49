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
import java.time.Instant;
import java.util.Set;

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

  private final Labels labels;

  private FeedbackRoutes(Labels labels) {
    this.labels = labels;
  }

  static void mount(
      Router router,
      Guard guard,
      Handler<RoutingContext> body,
      Labels labels,
      BackfillRoute backfill,
      ExportRoute export) {
    FeedbackRoutes routes = new FeedbackRoutes(labels);
    router
        .post("/ml/feedback/backfill")
        .handler(guard.only(Roles.LABELLER))
        .handler(backfill::handle);
    router
        .get("/ml/feedback/export")
        .handler(guard.only(Roles.DATA_SCIENTIST, Roles.COMPLIANCE))
        .handler(export::handle);
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
        .record(
            LabelFields.read(Bodies.fields(rc), caller.subject(), Instant.now()), key(rc, caller))
        .onFailure(rc::fail)
        .onSuccess(receipt -> Answers.send(rc, 201, json(receipt)));
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
