package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreRequest;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A chunk, asked for version by version; it is answered when all of its rows are. */
final class ChunkWork {
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  private final Vertx vertx;
  private final ScoreChunk chunk;
  private final ScoreResult[] results;
  private int open;

  ChunkWork(Vertx vertx, ScoreChunk chunk) {
    this.vertx = vertx;
    this.chunk = chunk;
    this.results = new ScoreResult[chunk.requests().length];
    this.open = results.length;
  }

  /** Names the version of each row: that which is active here now, where it names none. */
  void split(ScoringRuntime runtime, Part.Offer offer, long now) {
    Map<ServedModel, List<Integer>> byModel = new LinkedHashMap<>();
    ScoreRequest last = null;
    List<Integer> group = null;
    for (int i = 0; i < results.length; i++) {
      ScoreRequest r = chunk.requests()[i];
      if (last == null || group == null || !alike(r, last)) {
        ServedModel model =
            r.version() == null
                ? runtime.active(r.modelId())
                : runtime.loaded(r.modelId(), r.version());
        if (model == null) {
          set(i, new ScoreResult(runtime.whyNone(r.modelId(), r.version()), 0, null));
          continue;
        }
        if (r.row().length != model.features().size()) { // read by the schema of another version
          set(i, new ScoreResult(Outcome.FAILED, 0, model));
          continue;
        }
        group = byModel.computeIfAbsent(model, m -> new ArrayList<>());
        last = r;
      }
      group.add(i);
    }
    if (open == 0) {
      answer();
    }
    long hurry = now + firstDeadline(now);
    byModel.forEach((model, rows) -> offer(model, rows, offer, hurry, now));
  }

  private long firstDeadline(long now) {
    long least = Long.MAX_VALUE;
    for (ScoreRequest r : chunk.requests()) {
      least = Math.min(least, r.deadlineNanos() - now);
    }
    return least;
  }

  private static boolean alike(ScoreRequest a, ScoreRequest b) {
    return a.version() == null
        && b.version() == null
        && a.modelId().equals(b.modelId())
        && a.row().length == b.row().length;
  }

  private void offer(
      ServedModel model, List<Integer> indices, Part.Offer offer, long hurryNanos, long now) {
    int width = model.features().size();
    float[] rows = new float[indices.size() * width];
    long[] deadlines = new long[indices.size()];
    for (int i = 0; i < deadlines.length; i++) {
      ScoreRequest r = chunk.requests()[indices.get(i)];
      System.arraycopy(r.row(), 0, rows, i * width, width);
      deadlines[i] = r.deadlineNanos();
    }
    offer.offer(new Rows(model, indices), rows, deadlines, hurryNanos, now);
  }

  private void set(int index, ScoreResult result) {
    results[index] = result;
    open--;
  }

  private void answer() {
    vertx.eventBus().send(chunk.replyTo(), new ScoredChunk(chunk.id(), results), LOCAL);
  }

  private final class Rows implements Part {
    private final ServedModel model;
    private final List<Integer> indices;

    private Rows(ServedModel model, List<Integer> indices) {
      this.model = model;
      this.indices = indices;
    }

    @Override
    public ServedModel model() {
      return model;
    }

    @Override
    public boolean batch() {
      return false;
    }

    @Override
    public void done(@Nullable Answer answer, Outcome none) {
      for (int i = 0; i < indices.size(); i++) {
        set(
            indices.get(i),
            answer == null
                ? new ScoreResult(none, 0, model)
                : Scores.result(answer.outcomes()[i], answer.scores()[i], model));
      }
      if (open == 0) {
        answer();
      }
    }
  }
}
