package io.apgms.ml.scoring;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.internal.ContextInternal;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Scores chunks on its event loop. While the model runs, chunks gather in the loop's queue; a drain
 * runs behind all of them, so the next batch is whatever has come by then.
 *
 * <p>Several instances share one runtime. Each listens at an address of its own, and all of them
 * take turns at {@link #ADDRESS}.
 */
public final class ScoringVerticle extends VerticleBase {
  /** Where a {@link ScoreChunk} reaches any instance. */
  public static final String ADDRESS = "scoring";

  private static final Logger LOG = LoggerFactory.getLogger(ScoringVerticle.class);
  private static final long MOST_SHARE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  private final ScoringRuntime runtime;
  private final Batcher batcher;
  private final BatchQueue batches;
  private final String address = ADDRESS + "-" + UUID.randomUUID();
  private float[] input = new float[0];
  private final float[] output;
  private final AtomicInteger depth;
  private boolean yielding;
  private long yieldedNanos;

  /**
   * Over a runtime.
   *
   * @param maxQueuedRows rows that may wait; a chunk over it is answered OVERLOADED
   */
  public ScoringVerticle(ScoringRuntime runtime, int maxQueuedRows) {
    this.runtime = runtime;
    this.output = new float[runtime.maxBatchRows()];
    this.depth = runtime.queueDepth();
    this.batcher = new Batcher(maxQueuedRows, runtime.maxBatchRows(), this::score, this::answer);
    this.batches =
        new BatchQueue(maxQueuedRows, runtime.maxBatchRows(), runtime.forBatches(), this::answer);
  }

  @Override
  public Future<?> start() {
    registerMessages(vertx);
    return Future.all(consume(ADDRESS), consume(address));
  }

  /** Lets chunks and batches travel by reference within this process. */
  public static void registerMessages(Vertx vertx) {
    LocalCodec.register(vertx, ScoreChunk.class);
    LocalCodec.register(vertx, ScoredChunk.class);
    LocalCodec.register(vertx, ScoreBatch.class);
    LocalCodec.register(vertx, ScoredBatch.class);
  }

  private Future<Void> consume(String from) {
    return vertx.eventBus().<Object>localConsumer(from, m -> take(m.body())).completion();
  }

  /** The address of this very instance. */
  public String address() {
    return address;
  }

  private void take(Object message) {
    if (message instanceof ScoreChunk chunk && batcher.offer(chunk)) {
      context.runOnContext(v -> drain());
    } else if (message instanceof ScoreBatch batch && batches.offer(batch)) {
      context.runOnContext(v -> drainBatches());
    }
  }

  private void drain() {
    if (batcher.drain(System.nanoTime())) {
      context.runOnContext(v -> drain());
    }
  }

  /**
   * A slice a turn, so that single rows that have come meanwhile are scored between two slices; or
   * as many as fit into what the loop did else in that turn: a loop that is busy refusing what is
   * too much must not starve what it took on.
   */
  private void drainBatches() {
    long started = System.nanoTime();
    long share = yielding ? Math.min(started - yieldedNanos, MOST_SHARE_NANOS) : 0;
    long now = started;
    boolean more = batches.drain(now);
    while (more && (now = System.nanoTime()) - started < share) {
      more = batches.drain(now);
    }
    depth.lazySet(waiting());
    yielding = more;
    if (more) {
      yieldedNanos = System.nanoTime();
      nextTurn(this::drainBatches);
    }
  }

  /**
   * After the loop has looked at its sockets and timers. It runs every task before it does so, also
   * those that tasks add; only what is scheduled, at once or not, waits for the next turn.
   */
  private void nextTurn(Runnable task) {
    var unused =
        ((ContextInternal) context)
            .nettyEventLoop()
            .schedule(() -> context.runOnContext(v -> task.run()), 0, TimeUnit.NANOSECONDS);
  }

  private int waiting() {
    return batcher.queuedRows() + batches.queuedRows();
  }

  private void answer(Batcher.ScoreChunkDone done) {
    vertx.eventBus().send(done.replyTo(), done.chunk(), LOCAL);
  }

  private void answer(BatchQueue.Done done) {
    if (done.batch().outcome() == Outcome.FAILED) {
      LOG.error("forward pass of a batch failed");
    }
    vertx.eventBus().send(done.replyTo(), done.batch(), LOCAL);
  }

  @Override
  public Future<?> stop() {
    batches.close();
    return Future.succeededFuture();
  }

  private void score(String modelId, @Nullable String version, List<Batcher.Row> rows) {
    LoadedModel model = runtime.acquire(modelId, version);
    if (model == null) {
      answerAll(rows, runtime.whyNone(modelId, version), null);
      return;
    }
    try {
      forward(model, rows);
    } catch (RuntimeException | Error e) { // native memory too: the next batch may have enough
      LOG.error("forward pass of {} failed: {}", modelId, e.toString());
      answerAll(rows, Outcome.FAILED, model.served());
    } finally {
      model.release();
    }
  }

  private void forward(LoadedModel model, List<Batcher.Row> rows) {
    ServedModel served = model.served();
    int width = served.features().size();
    if (input.length < rows.size() * width) {
      input = new float[runtime.maxBatchRows() * width];
    }
    int n = 0;
    for (Batcher.Row row : rows) {
      float[] values = row.request().row();
      if (values.length == width) {
        System.arraycopy(values, 0, input, n++ * width, width);
      } else { // read by the schema of another version
        row.set(ScoreResult.none(Outcome.FAILED, served));
      }
    }
    runtime.batchSize(n);
    depth.lazySet(waiting());
    model.torch().score(input, n, output);
    int i = 0;
    for (Batcher.Row row : rows) {
      if (row.open()) {
        row.set(result(output[i++], served));
      }
    }
  }

  private static ScoreResult result(float raw, ServedModel served) {
    double score = ScoringRuntime.rounded(raw);
    return score >= 0 && score <= 1
        ? new ScoreResult(Outcome.SCORED, score, served)
        : ScoreResult.none(Outcome.INVALID_OUTPUT, served);
  }

  private static void answerAll(
      List<Batcher.Row> rows, Outcome outcome, @Nullable ServedModel model) {
    for (Batcher.Row row : rows) {
      if (row.open()) {
        row.set(ScoreResult.none(outcome, model));
      }
    }
  }
}
