package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.Elsewhere;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ScoreBatch;
import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoringException;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An edge's end of the pool: takes what is sent to {@link ScoringVerticle#ADDRESS} in this process
 * to scoring processes over the clustered bus. Everything but the volatile views runs on its loop.
 */
public final class RemoteScoring extends VerticleBase implements Elsewhere {
  static final String ANNOUNCEMENTS = "scoring-pool";
  static final String EXPLAIN = "-explain"; // behind a member's address
  private static final long SWEEP_MS = 20;

  private final String address = "edge-" + UUID.randomUUID();
  private final Supplier<ScoringRuntime> runtime;
  private final Members members = new Members();
  private final Dispatch dispatch;
  private final Explaining explaining = new Explaining(this::request, members);
  private final Map<Long, Part> parts = new HashMap<>();
  private final PassedOver passedOver = new PassedOver();
  private volatile Set<VersionKey> served = Set.of();
  private volatile Set<VersionKey> common = Set.of();
  private volatile boolean listens;
  private volatile int known;
  private volatile int rowsUnderWay;
  private long next;

  /**
   * Of an edge.
   *
   * @param runtime what knows the versions, and loads none
   * @param retries false only to see what comes without them
   */
  public RemoteScoring(Supplier<ScoringRuntime> runtime, MeterRegistry meters, boolean retries) {
    this.runtime = runtime;
    this.dispatch = new Dispatch(members, this::send, this::done, retries);
    Gauge.builder("apgms_ml_pool_members", () -> known).register(meters);
    Gauge.builder("apgms_ml_pool_rows_under_way", () -> rowsUnderWay).register(meters);
    FunctionCounter.builder("apgms_ml_pool_rows_retried", dispatch, Dispatch::retried)
        .register(meters);
    FunctionCounter.builder("apgms_ml_pool_rows_unplaced", dispatch, Dispatch::unplaced)
        .register(meters);
  }

  @Override
  public Future<?> start() {
    listens = true;
    ScoringVerticle.registerMessages(vertx);
    vertx.setPeriodic(SWEEP_MS, id -> sweep());
    vertx
        .eventBus()
        .<Object>localConsumer(ScoringVerticle.ADDRESS, m -> take(m.body(), System.nanoTime()));
    return Future.all(
        vertx
            .eventBus()
            .<Object>consumer(ANNOUNCEMENTS, m -> read(() -> heard(buffer(m.body()))))
            .completion(),
        vertx
            .eventBus()
            .<Object>consumer(address, m -> read(() -> answered(buffer(m.body()))))
            .completion());
  }

  static Buffer buffer(@Nullable Object body) {
    if (body instanceof Buffer buffer) {
      return buffer;
    }
    throw new ScoringException.Malformed(
        body == null ? "no body" : "a " + body.getClass().getSimpleName(), "bytes");
  }

  /** What cannot be read is passed over: its rows have their deadlines. */
  private void read(Runnable message) {
    try {
      message.run();
    } catch (ScoringException.Malformed e) {
      passedOver.tell(e);
    }
  }

  private void heard(Buffer bytes) {
    members.heard(Wire.decodeAnnouncement(bytes), System.nanoTime());
    show();
  }

  private void answered(Buffer bytes) {
    dispatch.answered(Wire.decodeAnswer(bytes), System.nanoTime());
  }

  private void sweep() {
    dispatch.sweep(System.nanoTime());
    show();
    common = members.commonVersions();
  }

  private void show() {
    Set<VersionKey> now = members.versions();
    if (!now.equals(served)) {
      served = now;
    }
    known = members.size();
    rowsUnderWay = members.rowsUnderWay();
  }

  /** Takes a process as gone from the cluster. From any thread. */
  public void left(String node) {
    if (!listens) {
      return; // not deployed yet: nobody is known
    }
    context.runOnContext(
        v -> {
          dispatch.left(node, System.nanoTime());
          explaining.left(node);
          show();
        });
  }

  private void take(Object message, long now) {
    if (message instanceof ScoreChunk chunk) {
      new ChunkWork(vertx, chunk).split(runtime.get(), this::offer, now);
    } else if (message instanceof ScoreBatch batch) {
      BatchWork.take(vertx, batch, runtime.get(), this::offer, now);
    }
  }

  private void offer(Part part, float[] rows, long[] deadlinesNanos, long hurryNanos, long now) {
    long id = next++;
    parts.put(id, part);
    VersionKey version = VersionKey.of(part.model());
    int width = part.model().features().size();
    dispatch.offer(
        new Ask(id, address, version, part.batch(), width, rows, deadlinesNanos), hurryNanos, now);
  }

  private void send(String to, Ask ask) {
    vertx.eventBus().send(to, Wire.encode(ask, System.nanoTime()));
  }

  private Future<Buffer> request(String to, Buffer ask, long timeoutMs) {
    return vertx
        .eventBus()
        .<Object>request(to, ask, new DeliveryOptions().setSendTimeout(timeoutMs))
        .map(reply -> buffer(reply.body()));
  }

  private void done(Ask ask, @Nullable Answer answer, Outcome none) {
    Part part = parts.remove(ask.id());
    if (part != null) {
      part.done(answer, none);
    }
  }

  @Override
  public boolean serves(String modelId, String version, String digest) {
    return served.contains(new VersionKey(modelId, version, digest));
  }

  @Override
  public boolean servesEverywhere(String modelId, String version, String digest) {
    return common.contains(new VersionKey(modelId, version, digest));
  }

  @Override
  public Future<ExplainResult> explain(
      ServedModel model, float[] row, double score, long deadlineNanos) {
    Promise<ExplainResult> answer = Promise.promise();
    context.runOnContext(
        v ->
            Future.succeededFuture(VersionKey.of(model))
                .compose(key -> explaining.ask(key, row, score, deadlineNanos))
                .onComplete(answer));
    return answer.future();
  }
}
