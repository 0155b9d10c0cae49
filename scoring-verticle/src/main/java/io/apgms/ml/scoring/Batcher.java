package io.apgms.ml.scoring;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The queue before the model and how it becomes micro-batches. Synchronous and confined to one
 * thread; the clock is passed in.
 *
 * <p>A drain is owed exactly while rows wait: {@link #offer} says when to schedule the first one,
 * {@link #drain} whether another must follow. There is no delay and no minimum: a drain takes what
 * is there.
 */
final class Batcher {
  /** Scores rows of one model version and fills in their results. Must not throw. */
  interface Scorer {
    void score(String modelId, @Nullable String version, List<Row> rows);
  }

  /** One waiting row; its result is set exactly once. */
  static final class Row {
    private final Work work;
    private final int index;

    private Row(Work work, int index) {
      this.work = work;
      this.index = index;
    }

    ScoreRequest request() {
      return work.chunk.requests()[index];
    }

    void set(ScoreResult result) {
      work.set(index, result);
    }

    boolean open() {
      return work.results[index] == null;
    }
  }

  private static final class Work {
    private final ScoreChunk chunk;
    private final ScoreResult[] results;
    private int open;
    private int taken;
    private long startedNanos;
    private int batchRows;

    Work(ScoreChunk chunk) {
      this.chunk = chunk;
      this.results = new ScoreResult[chunk.requests().length];
      this.open = results.length;
    }

    void set(int index, ScoreResult result) {
      if (results[index] != null) {
        throw new IllegalStateException("row " + index + " was answered before");
      }
      results[index] = result;
      open--;
    }

    void ran(long nowNanos, int rows) {
      if (batchRows == 0) {
        startedNanos = nowNanos;
      }
      batchRows = Math.max(batchRows, rows);
    }
  }

  private record Target(String modelId, @Nullable String version) {}

  private final int maxQueuedRows;
  private final int maxBatchRows;
  private final Scorer scorer;
  private final Consumer<ScoreChunkDone> done;
  private final ArrayDeque<Work> queue = new ArrayDeque<>();
  private int queuedRows;
  private boolean owed;

  /** A chunk whose every row has its result. */
  record ScoreChunkDone(String replyTo, ScoredChunk chunk) {}

  Batcher(int maxQueuedRows, int maxBatchRows, Scorer scorer, Consumer<ScoreChunkDone> done) {
    this.maxQueuedRows = maxQueuedRows;
    this.maxBatchRows = maxBatchRows;
    this.scorer = scorer;
    this.done = done;
  }

  int queuedRows() {
    return queuedRows;
  }

  /** Queues a chunk, or answers it OVERLOADED at once; true when a drain is to be scheduled. */
  boolean offer(ScoreChunk chunk) {
    int rows = chunk.requests().length;
    if (rows == 0 || queuedRows + rows > maxQueuedRows) {
      Work refused = new Work(chunk);
      for (int i = 0; i < rows; i++) {
        refused.set(i, ScoreResult.none(Outcome.OVERLOADED, null));
      }
      finish(refused);
      return false;
    }
    queue.add(new Work(chunk));
    queuedRows += rows;
    boolean schedule = !owed;
    owed = true;
    return schedule;
  }

  /** Scores one micro-batch of the oldest rows; true when another drain is to be scheduled. */
  boolean drain(long nowNanos) {
    List<Work> touched = new ArrayList<>();
    Map<Target, List<Row>> batches = take(nowNanos, touched);
    int rows = 0;
    for (Map.Entry<Target, List<Row>> batch : batches.entrySet()) {
      scorer.score(batch.getKey().modelId(), batch.getKey().version(), batch.getValue());
      rows += batch.getValue().size();
      for (Row row : batch.getValue()) {
        if (row.open()) {
          row.set(ScoreResult.none(Outcome.FAILED, null));
        }
      }
    }
    for (Work work : touched) {
      work.ran(nowNanos, rows);
      if (work.open == 0) {
        finish(work);
      }
    }
    owed = queuedRows > 0;
    return owed;
  }

  private Map<Target, List<Row>> take(long nowNanos, List<Work> touched) {
    Map<Target, List<Row>> batches = new LinkedHashMap<>();
    int taken = 0;
    while (taken < maxBatchRows && !queue.isEmpty()) {
      Work work = queue.peek();
      touched.add(work);
      ScoreRequest[] requests = work.chunk.requests();
      for (; work.taken < requests.length && taken < maxBatchRows; work.taken++) {
        ScoreRequest request = requests[work.taken];
        queuedRows--;
        if (nowNanos - request.deadlineNanos() >= 0) {
          work.set(work.taken, ScoreResult.none(Outcome.EXPIRED, null));
          continue;
        }
        taken++;
        batches
            .computeIfAbsent(
                new Target(request.modelId(), request.version()), t -> new ArrayList<>())
            .add(new Row(work, work.taken));
      }
      if (work.taken == requests.length) {
        queue.remove();
      }
    }
    return batches;
  }

  private void finish(Work work) {
    done.accept(
        new ScoreChunkDone(
            work.chunk.replyTo(),
            new ScoredChunk(work.chunk.id(), work.results, work.startedNanos, work.batchRows)));
  }
}
