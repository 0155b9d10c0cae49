package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.decision.Decided;
import io.apgms.ml.gateway.decision.DecisionFlow;
import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.gateway.decision.InputTally;
import io.apgms.ml.gateway.decision.Refusal;
import io.apgms.ml.gateway.decision.Reply;
import io.apgms.ml.gateway.decision.ScoreCall;
import io.apgms.ml.gateway.decision.Terms;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code POST /ml/score}. One instance an event loop. */
final class ScoreHandler implements Handler<RoutingContext> {
  private static final CharSequence JSON = HttpHeaders.createOptimized("application/json");
  static final CharSequence TIMEOUT = HttpHeaders.createOptimized("x-request-timeout-ms");
  private static final int MAX_TIMEOUT_MS = 60_000;

  private final DecisionFlow flow;
  private final ScoringRuntime runtime;
  private final ScoreReader reader;
  private final DecisionMeters meters;
  private final int defaultTimeoutMs;

  ScoreHandler(
      DecisionFlow flow, DecisionFlow.Parts shared, InputTally inputs, int defaultTimeoutMs) {
    this.flow = flow;
    this.runtime = shared.runtime();
    this.reader = new ScoreReader(this::active, inputs::refused);
    this.meters = shared.meters();
    this.defaultTimeoutMs = defaultTimeoutMs;
  }

  @Override
  public void handle(RoutingContext rc) {
    long arrived = Guard.arrivedNanos(rc);
    decide(rc, Guard.caller(rc).tenant(), arrived);
  }

  /** Null for a model that is not known; one that is, and has no active version, is busy. */
  private @Nullable ServedModel active(String modelId) {
    ServedModel model = runtime.active(modelId);
    if (model == null && runtime.knows(modelId)) {
      meters.noModel(modelId);
      throw ErrorTable.of(Refusal.NO_MODEL, null);
    }
    return model;
  }

  private void decide(RoutingContext rc, @Nullable String tenant, long arrived) {
    try {
      int timeoutMs = timeoutMs(rc.request().getHeader(TIMEOUT), defaultTimeoutMs);
      Bodies.requireJson(rc);
      byte[] body = Bodies.bytes(rc);
      ScoreCall call = reader.read(body);
      flow.decide(
          call,
          new Terms(
              tenant,
              arrived,
              arrived + TimeUnit.MILLISECONDS.toNanos(timeoutMs),
              call.requestId() == null ? null : Bodies.sha256(body),
              TraceDoor.of(rc)),
          new HttpReply(rc.response(), runtime));
    } catch (Problem problem) {
      refuse(rc, problem);
    }
  }

  private void refuse(RoutingContext rc, Problem problem) {
    if (problem.status() == 503) { // counted where it was found
      ErrorTable.refuse(rc.request(), problem);
      return;
    }
    if (problem.status() == 404 && runtime.active().isEmpty()) {
      meters.noModel(null);
      ErrorTable.send(rc.response(), ErrorTable.of(Refusal.NO_MODEL, null));
      return;
    }
    meters.clientError();
    ErrorTable.refuse(rc.request(), problem);
  }

  /** The time a request has, from its header. */
  static int timeoutMs(@Nullable String header, int preset) {
    if (header == null) {
      return preset;
    }
    try {
      int ms = Integer.parseInt(header);
      if (ms >= 1 && ms <= MAX_TIMEOUT_MS) {
        return ms;
      }
    } catch (NumberFormatException e) {
      // refused below with the range
    }
    throw Problem.field(
        400,
        "X-Request-Timeout-Ms",
        FieldError.quote(header) + ", expected a whole number from 1 to " + MAX_TIMEOUT_MS);
  }

  /** Writes the answer by hand: every part is ASCII that needs no escaping. */
  static String json(Decided d) {
    StringBuilder out = new StringBuilder(320);
    out.append("{\"predictionId\":\"").append(d.id());
    out.append("\",\"modelId\":\"").append(d.modelId());
    out.append("\",\"modelVersion\":\"").append(d.modelVersion());
    out.append("\",\"score\":");
    sixDecimals(out, d.score());
    out.append(",\"threshold\":").append(d.threshold());
    out.append(",\"recommendation\":\"").append(d.review() ? "review" : "allow");
    out.append("\",\"decision\":{\"mode\":\"").append(d.mode().mode().wire());
    out.append("\",\"action\":\"").append(d.review() ? "hold" : "none");
    out.append("\",\"enforced\":").append(d.enforced());
    out.append(",\"modeSource\":\"").append(d.mode().source().wire());
    out.append("\",\"flagAgeMs\":");
    if (d.mode().flagAgeMs() < 0) {
      out.append("null");
    } else {
      out.append(d.mode().flagAgeMs());
    }
    return out.append("}}").toString();
  }

  /** A score in [0, 1] with at most six decimals and no exponent. */
  static void sixDecimals(StringBuilder out, double score) {
    int millionths = (int) Math.rint(score * 1e6);
    out.append(millionths / 1_000_000).append('.');
    int rest = millionths % 1_000_000;
    for (int digit = 100_000; digit > 0; digit /= 10) {
      out.append((char) ('0' + rest / digit));
      rest %= digit;
      if (rest == 0) {
        return;
      }
    }
  }

  private record HttpReply(HttpServerResponse response, ScoringRuntime runtime) implements Reply {
    @Override
    public void decided(Decided decided) {
      if (response.ended() || response.closed()) {
        return;
      }
      response.headers().set(HttpHeaders.CONTENT_TYPE, JSON);
      byte[] body =
          decided.explanation() == null
              ? json(decided).getBytes(StandardCharsets.ISO_8859_1)
              : ExplanationJson.append(json(decided), decided, decided.explanation(), runtime);
      var unused = response.end(Buffer.buffer(body));
    }

    @Override
    public void refused(Refusal why, @Nullable UUID predictionId) {
      ErrorTable.send(response, ErrorTable.of(why, predictionId));
    }
  }
}
