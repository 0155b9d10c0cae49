package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.Drain;
import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreRequest;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Liveness (the loop turns), start-up, and readiness: a real inference on each active model's first
 * golden row comes back with its score. Runs on one event loop.
 */
final class Health {
  private static final long PROBE_BOUND_MS = 1_000;
  private static final double TOLERANCE = 2e-6;
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  private final Vertx vertx;
  private final ScoringRuntime runtime;
  private final ControlVerticle control;
  private final Drain drain;
  private final String address = "health-" + UUID.randomUUID();
  private final Map<Long, Promise<ScoredChunk>> waiting = new HashMap<>();
  private @Nullable Future<Map<String, String>> probing;
  private long nextChunk;

  Health(Vertx vertx, ScoringRuntime runtime, ControlVerticle control, Drain drain) {
    this.drain = drain;
    this.vertx = vertx;
    this.runtime = runtime;
    this.control = control;
  }

  void mount(Router router) {
    vertx
        .eventBus()
        .<ScoredChunk>localConsumer(
            address,
            m -> {
              Promise<ScoredChunk> promise = waiting.remove(m.body().id());
              if (promise != null) {
                promise.tryComplete(m.body());
              }
            });
    router.get("/health/live").handler(rc -> up(rc, Map.of()));
    router.get("/health/started").handler(rc -> up(rc, Map.of())); // routes exist once started
    router.get("/health/ready").handler(this::ready);
  }

  private void ready(RoutingContext rc) {
    Future<Map<String, String>> running = probing;
    if (running == null) {
      running = probe().onComplete(done -> probing = null);
      probing = running.isComplete() ? null : running;
    }
    running
        .onSuccess(
            wrong -> {
              Map<String, String> all = new TreeMap<>(wrong);
              all.putAll(control.failures());
              if (drain.begun()) {
                all.put("drain", "this replica is being ended");
              }
              up(rc, all);
            })
        .onFailure(rc::fail);
  }

  private void up(RoutingContext rc, Map<String, String> wrong) {
    ObjectNode out = Answers.object().put("status", wrong.isEmpty() ? "UP" : "DOWN");
    ObjectNode reasons = out.putObject("wrong");
    wrong.forEach(reasons::put);
    ObjectNode revisions = out.putObject("revisions");
    control.pointers().forEach((model, pointer) -> revisions.put(model, pointer.revision()));
    Answers.send(rc, wrong.isEmpty() ? 200 : 503, out);
  }

  /** What is wrong, by model id; empty when every active model gives its golden score. */
  private Future<Map<String, String>> probe() {
    List<ServedModel> models = new ArrayList<>(runtime.active());
    if (models.isEmpty()) {
      return Future.succeededFuture(Map.of());
    }
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PROBE_BOUND_MS);
    ScoreRequest[] requests = new ScoreRequest[models.size()];
    for (int i = 0; i < requests.length; i++) {
      ServedModel m = models.get(i);
      requests[i] =
          new ScoreRequest(
              m.modelId(), m.version(), m.golden().get(0).toTensor(m.features()), deadline);
    }
    long id = nextChunk++;
    Promise<ScoredChunk> answer = Promise.promise();
    waiting.put(id, answer);
    vertx.eventBus().send(ScoringVerticle.ADDRESS, new ScoreChunk(id, address, requests), LOCAL);
    return answer
        .future()
        .timeout(PROBE_BOUND_MS, TimeUnit.MILLISECONDS)
        .map(chunk -> wrong(models, chunk.results()))
        .recover(e -> Future.succeededFuture(Map.of("scoring", "no answer within 1,000 ms")))
        .onComplete(done -> waiting.remove(id));
  }

  private static Map<String, String> wrong(List<ServedModel> models, ScoreResult[] results) {
    Map<String, String> wrong = new TreeMap<>();
    for (int i = 0; i < results.length; i++) {
      ServedModel m = models.get(i);
      double expected = m.golden().get(0).score();
      if (results[i].outcome() != ScoreResult.Outcome.SCORED) {
        wrong.put(m.modelId(), "golden row: " + results[i].outcome());
      } else if (Math.abs(results[i].score() - expected) > TOLERANCE) {
        wrong.put(
            m.modelId(), "golden row scores " + results[i].score() + ", expected " + expected);
      }
    }
    return wrong;
  }
}
