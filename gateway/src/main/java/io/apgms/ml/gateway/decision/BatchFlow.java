package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.Decision;
import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.FeedbackException;
import io.apgms.ml.flags.ModeSource;
import io.apgms.ml.gateway.trace.Trace;
import io.apgms.ml.scoring.ScoreBatch;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoredBatch;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.MessageConsumer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Many rows of one request on their way: score → log each as a decision in observe → answer. All
 * rows are decided or none.
 *
 * <p>One instance an event loop; every method runs on that loop. As in {@link DecisionFlow} a lost
 * message costs its request the time, never the answer.
 */
public final class BatchFlow implements AutoCloseable {
  private static final long SWEEP_MS = 20;
  private static final int MAX_OPEN = 1_024;
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  /**
   * Rows to decide.
   *
   * @param named whether the caller named the version: a check, or a comparison
   * @param rows row-major [count, features], NaN where missing
   * @param arrivedNanos monotonic
   * @param deadlineNanos monotonic
   * @param trace that the request belongs to; null where there is none
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  public record Call(
      String modelId,
      @Nullable String modelVersion,
      boolean named,
      float[] rows,
      int count,
      long arrivedNanos,
      long deadlineNanos,
      @Nullable Trace trace) {}

  /** Where the outcome goes: exactly one call, on the event loop it came from. */
  public interface BatchReply {
    /**
     * Every row was decided in observe, and logged unless the log is off.
     *
     * @param scores rounded to six decimals
     * @param ids a prediction id a row; empty where the log is off
     */
    void decided(ServedModel model, double[] scores, List<UUID> ids);

    void refused(Refusal why);
  }

  private record Waiting(Call call, BatchReply reply, long sentNanos) {}

  private final Vertx vertx;
  private final String scoringAddress;
  private final DecisionFlow.Parts parts;
  private final PredictionIds ids;
  private final InputTally inputs;
  private final String address = "batch-flow-" + UUID.randomUUID();
  private final MessageConsumer<ScoredBatch> scored;
  private final long sweep;
  private final Map<Long, Waiting> open = new LinkedHashMap<>();
  private long next;

  /**
   * To be called on the event loop that will use it.
   *
   * @param scoringAddress where its batches are scored
   */
  public BatchFlow(Vertx vertx, String scoringAddress, DecisionFlow.Parts parts) {
    this.vertx = vertx;
    this.scoringAddress = scoringAddress;
    this.parts = parts;
    this.ids = new PredictionIds(parts.log());
    this.inputs = parts.meters().inputs().onLoop(vertx.getOrCreateContext());
    this.scored = vertx.eventBus().localConsumer(address, m -> onScored(m.body()));
    this.sweep = vertx.setPeriodic(SWEEP_MS, id -> expire(System.nanoTime()));
  }

  /** Takes a request; its reply comes later on this loop, by the deadline at the latest. */
  public void decide(Call call, BatchReply reply) {
    if (open.size() >= MAX_OPEN) {
      refuse(new Waiting(call, reply, 0), Refusal.OVERLOADED, null);
      return;
    }
    long id = next++;
    open.put(id, new Waiting(call, reply, System.nanoTime()));
    vertx
        .eventBus()
        .send(
            scoringAddress,
            new ScoreBatch(
                id,
                address,
                call.modelId(),
                call.modelVersion(),
                call.rows(),
                call.count(),
                call.deadlineNanos()),
            LOCAL);
  }

  private void onScored(ScoredBatch batch) {
    Waiting waiting = open.remove(batch.id());
    if (waiting == null) {
      return; // answered by its deadline
    }
    ServedModel model = batch.model();
    scored(waiting);
    if (batch.outcome() != Outcome.SCORED || model == null) {
      Refusal refusal = Refusal.of(batch.outcome());
      refuse(waiting, refusal == null ? Refusal.FAILED : refusal, model);
      return;
    }
    List<UUID> logged = List.of();
    DecisionLog log = parts.log();
    if (log != null) {
      List<Decision> decisions = decisions(waiting.call, model, batch.scores());
      try {
        log.spool(decisions);
      } catch (FeedbackException e) {
        refuse(waiting, Refusal.NOT_LOGGED, model);
        return;
      } finally {
        ids.kept(null);
      }
      logged = decisions.stream().map(Decision::id).toList();
    }
    long took = System.nanoTime() - waiting.call.arrivedNanos();
    parts.meters().of(model).observed(reviews(model, batch.scores()), batch.scores().length, took);
    if (!waiting.call.named()) {
      inputs.addAll(model, waiting.call.rows(), batch.scores());
    }
    waiting.reply.decided(model, batch.scores(), logged);
  }

  private static void scored(Waiting waiting) {
    Trace trace = waiting.call.trace();
    if (trace != null) {
      long now = System.nanoTime();
      trace.scored(new Trace.Scored(waiting.sentNanos, now, now, waiting.call.count(), 0));
    }
  }

  private List<Decision> decisions(Call call, ServedModel model, double[] scores) {
    int width = model.features().size();
    List<Decision> decisions = new ArrayList<>(scores.length);
    for (int i = 0; i < scores.length; i++) {
      decisions.add(
          new Decision(
              ids.next(),
              model.modelId(),
              model.version(),
              model.digest(),
              Arrays.copyOfRange(call.rows(), i * width, (i + 1) * width),
              null,
              scores[i],
              model.threshold(),
              scores[i] >= model.threshold(),
              false,
              false,
              ModeSource.DEFAULT.wire(),
              -1,
              null,
              null,
              null));
    }
    return decisions;
  }

  private static int reviews(ServedModel model, double[] scores) {
    int reviews = 0;
    for (double score : scores) {
      reviews += score >= model.threshold() ? 1 : 0;
    }
    return reviews;
  }

  private void refuse(Waiting waiting, Refusal why, @Nullable ServedModel model) {
    Call call = waiting.call;
    parts.refused(why, model, call.modelId(), call.arrivedNanos(), call.deadlineNanos());
    waiting.reply.refused(why);
  }

  private void expire(long now) {
    for (Iterator<Waiting> all = open.values().iterator(); all.hasNext(); ) {
      Waiting waiting = all.next();
      if (now - waiting.call.deadlineNanos() >= 0) {
        all.remove();
        refuse(waiting, Refusal.EXPIRED, null);
      }
    }
  }

  @Override
  public void close() {
    vertx.cancelTimer(sweep);
    Future<Void> ignored = scored.unregister();
  }
}
