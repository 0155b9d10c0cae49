package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.decision.BatchFlow;
import io.apgms.ml.gateway.decision.DecisionFlow;
import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.gateway.decision.Refusal;
import io.apgms.ml.gateway.http.InferRequest.OutputName;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * {@code /v2}: the Open Inference Protocol over HTTP, with the binary tensor extension. A scoring
 * protocol: what it decides is observed, never enforced. Refusals are problem details with the
 * protocol's {@code error} beside them. One instance an event loop.
 *
 * @see <a href="https://github.com/kserve/open-inference-protocol">Open Inference Protocol V2</a>
 */
final class InferRoutes {
  private static final String MODEL = "/v2/models/:model";
  private static final String VERSION = MODEL + "/versions/:version";
  private static final CharSequence JSON_BYTES =
      HttpHeaders.createOptimized("inference-header-content-length");
  private static final int MAX_JSON_BYTES = 1 << 20; // read as a tree on the loop: under 50 ms
  private static final int MAX_SCHEMAS = 256;

  private final BatchFlow flow;
  private final ScoringRuntime runtime;
  private final DecisionMeters meters;
  private final boolean logged;
  private final int defaultTimeoutMs;
  private final IdentityHashMap<ServedModel, InputSchema> schemas = new IdentityHashMap<>();

  InferRoutes(BatchFlow flow, DecisionFlow.Parts parts, int defaultTimeoutMs) {
    this.flow = flow;
    this.runtime = parts.runtime();
    this.meters = parts.meters();
    this.logged = parts.log() != null;
    this.defaultTimeoutMs = defaultTimeoutMs;
  }

  void mount(Router router, Guard guard, Turnstile turnstile, int maxBytes) {
    BodyHandler body = BodyHandler.create(false).setBodyLimit(maxBytes);
    router.get("/v2").handler(guard.anyone()).handler(InferRoutes::server);
    router.get("/v2/health/live").handler(rc -> flag(rc, "live"));
    router.get("/v2/health/ready").handler(rc -> flag(rc, "ready"));
    for (String path : List.of(MODEL, VERSION)) {
      router
          .get(path)
          .handler(guard.anyone())
          .handler(rc -> Answers.send(rc, 200, metadata(model(rc))));
      router.get(path + "/ready").handler(guard.anyone()).handler(this::ready);
      router
          .post(path + "/infer")
          .handler(guard.only(Roles.SCORER))
          .handler(turnstile.hold(maxBytes))
          .handler(body)
          .handler(turnstile::pass)
          .handler(this::infer);
    }
  }

  private static void server(RoutingContext rc) {
    String version = InferRoutes.class.getPackage().getImplementationVersion();
    ObjectNode out = Answers.object().put("name", "ml-service");
    out.put("version", version == null ? "development" : version);
    out.putArray("extensions").add("binary_tensor_data");
    Answers.send(rc, 200, out);
  }

  private static void flag(RoutingContext rc, String name) {
    Answers.send(rc, 200, Answers.object().put(name, true));
  }

  /** A version that is loaded has given its golden scores. */
  private void ready(RoutingContext rc) {
    ServedModel model = model(rc);
    Answers.send(rc, 200, Answers.object().put("name", model.modelId()).put("ready", true));
  }

  private ObjectNode metadata(ServedModel model) {
    ObjectNode out = Answers.object().put("name", model.modelId());
    ArrayNode versions = out.putArray("versions");
    runtime.loaded(model.modelId()).stream()
        .map(ServedModel::version)
        .sorted(Comparator.naturalOrder())
        .forEach(versions::add);
    out.put("platform", "pytorch_torchscript");
    ArrayNode inputs = out.putArray("inputs");
    inputs
        .addObject()
        .put("name", "input")
        .put("datatype", "FP32")
        .putArray("shape")
        .add(-1)
        .add(model.features().size());
    ArrayNode outputs = out.putArray("outputs");
    for (OutputName name : OutputName.values()) {
      outputs
          .addObject()
          .put("name", name.name())
          .put("datatype", name.datatype)
          .putArray("shape")
          .add(-1);
    }
    ObjectNode parameters = out.putObject("parameters");
    parameters.put("version", model.version()).put("threshold", model.threshold());
    ArrayNode features = parameters.putArray("features");
    model.features().forEach(f -> features.add(f.name()));
    return out;
  }

  private ServedModel model(RoutingContext rc) {
    String id = rc.pathParam("model");
    String version = rc.pathParam("version");
    ServedModel model = version == null ? runtime.active(id) : runtime.loaded(id, version);
    if (model != null) {
      return model;
    }
    if (version != null && runtime.isRevoked(id, version)) {
      throw ErrorTable.of(Refusal.REVOKED, null);
    }
    throw Problem.of(
        404,
        version == null
            ? "unknown model " + FieldError.quote(id) + ", see GET /ml/models"
            : "version "
                + FieldError.quote(version)
                + " of "
                + FieldError.quote(id)
                + " is not served, see GET /v2/models/{model}");
  }

  /** A model whose active version was withdrawn is no unknown one. */
  private ServedModel scoring(RoutingContext rc) {
    String id = rc.pathParam("model");
    if (rc.pathParam("version") == null && runtime.active(id) == null && runtime.knows(id)) {
      meters.noModel(id);
      throw ErrorTable.of(Refusal.NO_MODEL, null);
    }
    return model(rc);
  }

  private void infer(RoutingContext rc) {
    long arrived = Guard.arrivedNanos(rc);
    try {
      requireMedia(rc);
      int timeoutMs =
          ScoreHandler.timeoutMs(rc.request().getHeader(ScoreHandler.TIMEOUT), defaultTimeoutMs);
      ServedModel model = scoring(rc);
      byte[] body = Bodies.bytes(rc);
      int jsonBytes = InferReader.jsonBytes(rc.request().getHeader(JSON_BYTES), body.length);
      if (jsonBytes > MAX_JSON_BYTES) {
        throw Problem.of(
            413,
            jsonBytes
                + " bytes of JSON, expected at most "
                + MAX_JSON_BYTES
                + "; more rows go as binary tensor data");
      }
      InferRequest request = InferReader.read(body, jsonBytes, schema(model));
      requireLog(request);
      long timeout = request.timeoutMs() == null ? timeoutMs : request.timeoutMs();
      flow.decide(
          new BatchFlow.Call(
              model.modelId(),
              model.version(),
              rc.pathParam("version") != null,
              request.rows(),
              request.count(),
              arrived,
              arrived + TimeUnit.MILLISECONDS.toNanos(timeout),
              TraceDoor.of(rc)),
          new HttpReply(rc.response(), request));
    } catch (Problem problem) {
      if (problem.status() != 503) { // counted where it was found
        meters.clientError();
      }
      ErrorTable.sendInfer(rc.response(), problem);
    }
  }

  /** Clients of this protocol send no media type, or one of two; nothing compressed. */
  private static void requireMedia(RoutingContext rc) {
    String type = rc.request().getHeader(HttpHeaders.CONTENT_TYPE);
    if ("application/octet-stream".equalsIgnoreCase(type)) {
      Bodies.requireIdentity(rc);
    } else {
      Bodies.requireJson(rc);
    }
  }

  private void requireLog(InferRequest request) {
    boolean ids = request.outputs().stream().anyMatch(o -> o.name() == OutputName.prediction_id);
    if (ids && !logged) {
      throw Problem.field(422, "/outputs", "prediction_id, expected others: the log is off");
    }
  }

  private InputSchema schema(ServedModel model) {
    if (schemas.size() >= MAX_SCHEMAS) {
      schemas.clear();
    }
    return schemas.computeIfAbsent(model, m -> new InputSchema(m.features()));
  }

  private record HttpReply(HttpServerResponse response, InferRequest request)
      implements BatchFlow.BatchReply {
    @Override
    public void decided(ServedModel model, double[] scores, List<UUID> ids) {
      if (response.ended() || response.closed()) {
        return;
      }
      InferWriter.Answer answer = new InferWriter(model, scores, ids).write(request);
      response.putHeader(
          HttpHeaders.CONTENT_TYPE,
          answer.binary() ? "application/octet-stream" : "application/json");
      if (answer.binary()) {
        response.putHeader(JSON_BYTES, Integer.toString(answer.jsonBytes()));
      }
      var unused = response.end(answer.body());
    }

    @Override
    public void refused(Refusal why) {
      ErrorTable.sendInfer(response, ErrorTable.of(why, null));
    }
  }
}
