package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.Elsewhere;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ScoreBatch;
import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreRequest;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoredBatch;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ScoringException;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A scoring process' end of the pool: announces what is loaded, hands rows that edges send to a
 * {@link ScoringVerticle} on this very loop, and sends the scores back. One instance an event loop,
 * each a member of the pool of its own.
 */
public final class PoolMember extends VerticleBase {
  /** Many announcements fit into the silence after which an edge gives a member up. */
  static final long ANNOUNCE_MS = 100;

  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);
  private static final long EDGE_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long LEAVE_MS = 3_000;
  private static final int MAX_EDGES = 1_024;
  private static final int MAX_EXPLAINING = 32;

  private final ScoringRuntime runtime;
  private final String node;
  private final int queueRows;
  private final int windowRows;
  private final String address = "scoring-" + UUID.randomUUID();
  private final String replies = address + "-scored";
  private final Map<Long, Ask> open = new HashMap<>();
  private final Map<String, Long> edges = new HashMap<>();
  private final PassedOver passedOver = new PassedOver();
  private @Nullable WorkerExecutor explaining;
  private @Nullable ScoringVerticle beside;
  private int explanations;
  private boolean leaving;
  private long next;

  /**
   * Over a runtime.
   *
   * @param node id of this process in the cluster
   * @param queueRows rows that may wait here
   * @param windowRows rows that all edges together may have under way here
   */
  public PoolMember(ScoringRuntime runtime, String node, int queueRows, int windowRows) {
    this.runtime = runtime;
    this.node = node;
    this.queueRows = queueRows;
    this.windowRows = windowRows;
  }

  @Override
  public Future<?> start() throws Exception {
    ScoringVerticle scoring = new ScoringVerticle(runtime, queueRows);
    beside = scoring;
    explaining = vertx.createSharedWorkerExecutor("explain", 1);
    vertx.eventBus().<Object>localConsumer(replies, m -> scored(m.body()));
    vertx.setPeriodic(ANNOUNCE_MS, id -> announce());
    return scoring
        .deploy(context)
        .compose(
            v ->
                Future.all(
                    vertx.eventBus().<Object>consumer(address, this::take).completion(),
                    vertx
                        .eventBus()
                        .<Object>consumer(address + RemoteScoring.EXPLAIN, this::explain)
                        .completion()));
  }

  private void announce() {
    long now = System.nanoTime();
    edges.values().removeIf(seen -> now - seen >= EDGE_NANOS);
    int window = Math.max(Elsewhere.MOST_ROWS, windowRows / Math.max(1, edges.size()));
    Set<VersionKey> versions = new HashSet<>();
    if (!leaving) {
      for (ServedModel model : runtime.everyLoaded()) {
        if (versions.size() < Wire.MAX_VERSIONS) {
          versions.add(VersionKey.of(model));
        }
      }
    }
    vertx
        .eventBus()
        .publish(
            RemoteScoring.ANNOUNCEMENTS,
            Wire.encode(new Announcement(node, address, window, versions)));
  }

  private void take(Message<Object> message) {
    Ask ask;
    long now = System.nanoTime();
    try {
      ask = Wire.decodeAsk(RemoteScoring.buffer(message.body()), now);
    } catch (ScoringException.Malformed e) {
      passedOver.tell(e);
      return;
    }
    if (edges.size() < MAX_EDGES || edges.containsKey(ask.replyTo())) {
      edges.put(ask.replyTo(), now);
    }
    ServedModel model = runtime.loaded(ask.version().modelId(), ask.version().version());
    if (model == null || !model.digest().equals(ask.version().digest())) {
      boolean revoked = runtime.isRevoked(ask.version().modelId(), ask.version().version());
      refuse(ask, revoked ? Outcome.REVOKED : Outcome.NO_VERSION);
    } else if (ask.width() != model.features().size()) {
      refuse(ask, Outcome.FAILED);
    } else {
      score(ask);
    }
  }

  private void score(Ask ask) {
    long id = next++;
    open.put(id, ask);
    VersionKey v = ask.version();
    Object work;
    if (ask.batch()) {
      long deadline = ask.deadlinesNanos()[0];
      work =
          new ScoreBatch(id, replies, v.modelId(), v.version(), ask.rows(), ask.count(), deadline);
    } else {
      ScoreRequest[] requests = new ScoreRequest[ask.count()];
      for (int i = 0; i < requests.length; i++) {
        float[] row = Arrays.copyOfRange(ask.rows(), i * ask.width(), (i + 1) * ask.width());
        requests[i] = new ScoreRequest(v.modelId(), v.version(), row, ask.deadlinesNanos()[i]);
      }
      work = new ScoreChunk(id, replies, requests);
    }
    vertx.eventBus().send(java.util.Objects.requireNonNull(beside).address(), work, LOCAL);
  }

  private void scored(Object message) {
    if (message instanceof ScoredChunk chunk) {
      Ask ask = open.remove(chunk.id());
      if (ask != null) {
        scored(ask, chunk.results());
      }
    } else if (message instanceof ScoredBatch batch) {
      Ask ask = open.remove(batch.id());
      if (ask != null) {
        boolean same = batch.model() == null || VersionKey.of(batch.model()).equals(ask.version());
        Outcome outcome = same ? batch.outcome() : Outcome.NO_VERSION;
        answer(ask, new Outcome[] {outcome}, same ? batch.scores() : new double[0]);
      }
    }
  }

  private void scored(Ask ask, ScoreResult[] results) {
    Outcome[] outcomes = new Outcome[results.length];
    double[] scores = new double[results.length];
    for (int i = 0; i < results.length; i++) {
      ServedModel by = results[i].model();
      boolean same = by == null || VersionKey.of(by).equals(ask.version());
      outcomes[i] = same ? results[i].outcome() : Outcome.NO_VERSION; // loaded anew meanwhile
      scores[i] = same ? results[i].score() : 0;
    }
    answer(ask, outcomes, scores);
  }

  private void refuse(Ask ask, Outcome why) {
    Outcome[] outcomes = new Outcome[ask.batch() ? 1 : ask.count()];
    Arrays.fill(outcomes, why);
    answer(ask, outcomes, new double[ask.batch() ? 0 : ask.count()]);
  }

  private void answer(Ask ask, Outcome[] outcomes, double[] scores) {
    Answer answer = new Answer(ask.id(), address, ask.version(), outcomes, scores);
    vertx.eventBus().send(ask.replyTo(), Wire.encode(answer));
  }

  private void explain(Message<Object> message) {
    Wire.Explain ask;
    try {
      ask = Wire.decodeExplain(RemoteScoring.buffer(message.body()));
    } catch (ScoringException.Malformed e) {
      passedOver.tell(e);
      return;
    }
    WorkerExecutor worker = explaining;
    VersionKey v = ask.version();
    ServedModel model = runtime.loaded(v.modelId(), v.version());
    boolean here =
        model != null
            && model.digest().equals(v.digest())
            && model.features().size() == ask.row().length;
    if (worker == null || model == null || !here || explanations >= MAX_EXPLAINING) {
      Outcome why = here ? Outcome.OVERLOADED : Outcome.NO_VERSION;
      message.reply(Wire.encode(new ExplainResult(why, null)));
      return;
    }
    long deadline = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(ask.leftMicros());
    explanations++;
    worker
        .executeBlocking(() -> runtime.explain(model, ask.row(), ask.score(), deadline), false)
        .onComplete(
            done -> {
              explanations--;
              ExplainResult result =
                  done.succeeded() ? done.result() : new ExplainResult(Outcome.FAILED, null);
              message.reply(Wire.encode(result));
            });
  }

  /** Says that it takes nothing more, and finishes what it has. */
  @Override
  public Future<?> stop() {
    leaving = true;
    announce();
    Promise<Void> finished = Promise.promise();
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LEAVE_MS);
    vertx.setPeriodic(
        ANNOUNCE_MS,
        id -> {
          boolean idle = open.isEmpty() && explanations == 0;
          if (idle || System.nanoTime() - end >= 0) {
            vertx.cancelTimer(id);
            finished.tryComplete();
          }
        });
    return finished.future();
  }
}
