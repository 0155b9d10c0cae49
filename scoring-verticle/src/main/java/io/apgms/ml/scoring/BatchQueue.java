package io.apgms.ml.scoring;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Batches that wait for the model, scored one slice a turn. Synchronous and confined to one thread;
 * the clock is passed in. The version is held from the first slice to the last, so a batch is
 * scored by one version even when another becomes active meanwhile.
 */
final class BatchQueue implements AutoCloseable {
  /** Rows that may wait: four of the largest batches, or a queue that is set larger. */
  static final int MIN_QUEUED_ROWS = 4 * 4_096;

  /** Gives the version to score with, its use counted; null when there is none. */
  interface Models {
    @Nullable LoadedModel acquire(String modelId, @Nullable String version);

    /** Why it gave none. */
    Outcome whyNone(String modelId, @Nullable String version);
  }

  private static final double[] NONE = {};

  private final int maxQueuedRows;
  private final int sliceRows;
  private final Models models;
  private final Consumer<Done> done;
  private final ArrayDeque<ScoreBatch> queue = new ArrayDeque<>();
  private final float[] slice;
  private int queuedRows;
  private @Nullable Running running;

  /** An answered batch and where its answer goes. */
  record Done(String replyTo, ScoredBatch batch) {}

  private static final class Running {
    final ScoreBatch batch;
    final LoadedModel model;
    final double[] scores;
    int next;

    Running(ScoreBatch batch, LoadedModel model) {
      this.batch = batch;
      this.model = model;
      this.scores = new double[batch.count()];
    }
  }

  BatchQueue(int queueRows, int sliceRows, Models models, Consumer<Done> done) {
    this.maxQueuedRows = Math.max(queueRows, MIN_QUEUED_ROWS);
    this.sliceRows = sliceRows;
    this.models = models;
    this.done = done;
    this.slice = new float[sliceRows];
  }

  int queuedRows() {
    return queuedRows;
  }

  /** Queues a batch, or answers it OVERLOADED at once; true when a drain is to be scheduled. */
  boolean offer(ScoreBatch batch) {
    if (batch.count() < 1 || queuedRows + batch.count() > maxQueuedRows) {
      answer(batch, Outcome.OVERLOADED, NONE, null);
      return false;
    }
    boolean idle = queuedRows == 0;
    queue.add(batch);
    queuedRows += batch.count();
    return idle;
  }

  /** Scores one slice of the oldest batch; true when another drain is to be scheduled. */
  boolean drain(long nowNanos) {
    Running now = running == null ? begin() : running;
    if (now != null) {
      running = step(now, nowNanos) ? now : null;
    }
    return queuedRows > 0;
  }

  private @Nullable Running begin() {
    ScoreBatch batch = queue.poll();
    if (batch == null) {
      return null;
    }
    LoadedModel model = models.acquire(batch.modelId(), batch.version());
    if (model == null) {
      leave(batch, models.whyNone(batch.modelId(), batch.version()), NONE, null);
      return null;
    }
    return new Running(batch, model);
  }

  /** True while slices are left. */
  private boolean step(Running now, long nowNanos) {
    Outcome outcome;
    try {
      outcome = nowNanos - now.batch.deadlineNanos() >= 0 ? Outcome.EXPIRED : score(now);
    } catch (RuntimeException | Error e) { // native memory too: the next batch may have enough
      outcome = Outcome.FAILED;
    }
    if (outcome == Outcome.SCORED && now.next < now.batch.count()) {
      return true;
    }
    now.model.release();
    boolean scored = outcome == Outcome.SCORED;
    leave(now.batch, outcome, scored ? now.scores : NONE, now.model.served());
    return false;
  }

  private Outcome score(Running now) {
    int width = now.model.served().features().size();
    if (now.batch.rows().length < now.batch.count() * width) {
      return Outcome.FAILED; // read by the schema of another version
    }
    int rows = Math.min(sliceRows, now.batch.count() - now.next);
    now.model.torch().score(now.batch.rows(), now.next, rows, slice);
    for (int i = 0; i < rows; i++) {
      double score = ScoringRuntime.rounded(slice[i]);
      if (!(score >= 0 && score <= 1)) {
        return Outcome.INVALID_OUTPUT;
      }
      now.scores[now.next++] = score;
    }
    return Outcome.SCORED;
  }

  private void leave(
      ScoreBatch batch, Outcome outcome, double[] scores, @Nullable ServedModel model) {
    queuedRows -= batch.count();
    answer(batch, outcome, scores, model);
  }

  private void answer(
      ScoreBatch batch, Outcome outcome, double[] scores, @Nullable ServedModel model) {
    done.accept(new Done(batch.replyTo(), new ScoredBatch(batch.id(), outcome, scores, model)));
  }

  /** Gives back the version of a batch that will not be finished. */
  @Override
  public void close() {
    if (running != null) {
      running.model.release();
      running = null;
    }
  }
}
