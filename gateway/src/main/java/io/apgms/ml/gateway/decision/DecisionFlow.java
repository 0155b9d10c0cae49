package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.Decision;
import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.FeedbackException;
import io.apgms.ml.feedback.GroupCommit;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.Mode;
import io.apgms.ml.flags.ModeSource;
import io.apgms.ml.gateway.trace.Trace;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreRequest;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.MessageConsumer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One decision on its way: gather a tick's requests → score them over the event bus → explain,
 * where the caller asked → mode → durable log → answer.
 *
 * <p>One instance an event loop; every method runs on that loop. A tick's requests travel as one
 * message and come back as one, without reply handlers, so deadlines are watched here: a chunk that
 * is lost costs its requests their time, never their answer.
 */
public final class DecisionFlow implements AutoCloseable {
  private static final long SWEEP_MS = 20;
  private static final int MAX_CHUNK = 1_024;
  private static final int MAX_OPEN = 8_192;
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  /** What a flow works with; shared by all event loops. */
  public record Parts(
      ScoringRuntime runtime,
      DecisionModes modes,
      @Nullable DecisionLog log,
      ActionCap cap,
      TrialBoard trials,
      DecisionMeters meters) {
    /** Counts what got no decision to the version it was, or would have been, for. */
    void refused(
        Refusal why,
        @Nullable ServedModel model,
        String modelId,
        long arrivedNanos,
        long deadlineNanos) {
      ServedModel of = model == null ? runtime.active(modelId) : model;
      boolean hurried =
          of != null
              && System.nanoTime() - deadlineNanos >= 0
              && deadlineNanos - arrivedNanos < TimeUnit.MILLISECONDS.toNanos(of.slo().latencyMs());
      meters.refused(why, of, modelId, hurried);
    }
  }

  private final Vertx vertx;
  private final Context context;
  private final String scoringAddress;
  private final Parts parts;
  private final @Nullable GroupCommit commits;
  private final Explanations explanations;
  private final ModeRule modes;
  private final TrialRule trials;
  private final LoopLimit limit;
  private final PredictionIds ids;
  private final InputTally inputs;
  private final DecisionLines lines;
  private final String address = "decision-flow-" + UUID.randomUUID();
  private final MessageConsumer<ScoredChunk> scored;
  private final long sweep;

  private List<Pending> tick = new ArrayList<>();
  private final Map<Long, SentChunk> scoring = new LinkedHashMap<>();
  private final Set<Pending> explaining = new LinkedHashSet<>();
  private final Set<Pending> committing = new LinkedHashSet<>();
  private long nextChunk;
  private int open;

  /**
   * To be called on the event loop that will use it.
   *
   * @param scoringAddress where its chunks are scored
   * @param limit told how long its requests take
   */
  public DecisionFlow(
      Vertx vertx, Context context, String scoringAddress, Parts parts, LoopLimit limit) {
    this.vertx = vertx;
    this.scoringAddress = scoringAddress;
    this.context = context;
    this.parts = parts;
    this.ids = new PredictionIds(parts.log());
    this.modes = new ModeRule(parts);
    this.trials = new TrialRule(parts);
    this.limit = limit;
    this.inputs = parts.meters().inputs().onLoop(context);
    this.lines = new DecisionLines(parts.meters(), System.nanoTime());
    this.commits = parts.log() == null ? null : parts.log().groupCommit(context);
    this.explanations = new Explanations(vertx, context, parts.runtime());
    this.scored = vertx.eventBus().localConsumer(address, m -> onScored(m.body()));
    this.sweep = vertx.setPeriodic(SWEEP_MS, id -> expire(System.nanoTime()));
  }

  /** Takes a request; its reply comes later on this loop, by the deadline at the latest. */
  public void decide(ScoreCall call, Terms terms, Reply reply) {
    Pending pending = new Pending(call, terms, reply);
    if (++open > MAX_OPEN) {
      refuse(pending, Refusal.OVERLOADED, null);
      return;
    }
    gather(pending);
  }

  private void gather(Pending pending) {
    if (tick.isEmpty()) {
      context.runOnContext(v -> flush());
    }
    tick.add(pending);
    if (tick.size() >= MAX_CHUNK) {
      flush();
    }
  }

  private void flush() {
    if (tick.isEmpty()) {
      return;
    }
    List<Pending> all = tick;
    tick = new ArrayList<>(all.size());
    SentChunk.split(all, parts.runtime().elsewhere() != null).forEach(this::send);
  }

  private void send(List<Pending> waiting) {
    ScoreRequest[] requests = new ScoreRequest[waiting.size()];
    TrialBoard.View running = parts.trials().view();
    long now = System.nanoTime();
    for (int i = 0; i < requests.length; i++) {
      Pending p = waiting.get(i);
      requests[i] = p.request(trials.version(p, running, now));
    }
    scoring.put(nextChunk, new SentChunk(waiting, now));
    limit.sent(requests.length);
    ScoreChunk chunk = new ScoreChunk(nextChunk++, address, requests);
    vertx.eventBus().send(scoringAddress, chunk, LOCAL);
  }

  private void onScored(ScoredChunk chunk) {
    SentChunk sent = scoring.remove(chunk.id());
    if (sent == null) {
      return; // every request of it was answered by its deadline
    }
    List<Pending> waiting = sent.requests();
    long now = System.nanoTime();
    ScoreResult[] results = chunk.results();
    List<Pending> toSpool = new ArrayList<>(results.length);
    for (int i = 0; i < results.length; i++) {
      Pending p = waiting.get(i);
      if (!p.answered) {
        p.scored(sent, chunk, now);
        settle(p, results[i], now, toSpool);
      }
    }
    spool(toSpool);
    limit.scored(results.length, sent.tookNanos(System.nanoTime()));
  }

  private void settle(Pending p, ScoreResult result, long now, List<Pending> toSpool) {
    if (trials.fallsBack(p, result.outcome())) {
      gather(p);
      return;
    }
    ServedModel model = result.model();
    Refusal refusal = Refusal.of(result.outcome());
    if (refusal != null || model == null) {
      refuse(p, refusal == null ? Refusal.FAILED : refusal, model);
      return;
    }
    p.model = model;
    if (p.call.explain()) {
      explain(p, model, result.score());
    } else {
      decide(p, model, result.score(), now, toSpool);
    }
  }

  private void explain(Pending p, ServedModel model, double score) {
    Future<ExplainResult> explained = explanations.explain(p, model, score);
    if (explained == null) {
      refuse(p, Refusal.OVERLOADED, model);
      return;
    }
    explaining.add(p);
    explained.onComplete(done -> explained(p, model, score, done.result()));
  }

  private void explained(
      Pending p, ServedModel model, double score, @Nullable ExplainResult result) {
    explaining.remove(p);
    if (p.answered) {
      return;
    }
    if (result == null || result.explanation() == null) {
      if (result != null && trials.fallsBack(p, result.outcome())) {
        gather(p);
        return;
      }
      Refusal why = result == null ? null : Refusal.of(result.outcome());
      refuse(p, why == null ? Refusal.FAILED : why, model);
      return;
    }
    p.explanation = result.explanation();
    List<Pending> toSpool = new ArrayList<>(1);
    decide(p, model, score, System.nanoTime(), toSpool);
    spool(toSpool);
  }

  private void decide(Pending p, ServedModel model, double score, long now, List<Pending> toSpool) {
    boolean review = score >= model.threshold();
    Mode mode = modes.of(p, model, review, now);
    p.decided = decided(p, score, review, mode);
    if (commits != null && (p.decided.enforced() || p.call.requestId() != null)) {
      commit(p, commits);
    } else {
      toSpool.add(p);
    }
  }

  private Decided decided(Pending p, double score, boolean review, Mode mode) {
    ServedModel model = p.model();
    boolean enforced = review && mode.mode() == DecisionMode.ACT;
    return new Decided(
        p.decided == null ? ids.next() : p.decided.id(),
        model.modelId(),
        model.version(),
        score,
        model.threshold(),
        review,
        enforced,
        mode,
        p.explanation);
  }

  private void spool(List<Pending> batch) {
    DecisionLog log = parts.log();
    if (log != null && !batch.isEmpty()) {
      long began = System.nanoTime();
      List<Decision> rows = new ArrayList<>(batch.size());
      batch.forEach(p -> rows.add(p.toDecision()));
      try {
        log.spool(rows);
        batch.forEach(p -> p.kept(Trace.Store.SPOOL, began, null));
      } catch (FeedbackException e) {
        batch.forEach(p -> p.kept(Trace.Store.SPOOL, began, e));
        batch.forEach(p -> refuse(p, Refusal.NOT_LOGGED, p.model));
        return;
      } finally {
        kept();
      }
    }
    for (Pending p : batch) {
      answer(p, p.decided());
    }
  }

  /** Committed to PostgreSQL before it is answered: holds in force, and what has a requestId. */
  private void commit(Pending p, GroupCommit commits) {
    committing.add(p);
    long began = System.nanoTime();
    commits
        .commit(p.toDecision(), p.terms.tenant(), p.terms.traceparent())
        .onComplete(
            done -> {
              p.kept(Trace.Store.DATABASE, began, done.cause());
              Runnable then = () -> committed(p, done.result(), done.cause());
              if (Vertx.currentContext() == context) {
                then.run();
              } else {
                context.runOnContext(v -> then.run());
              }
            });
  }

  /** The ids that were made are kept, but for those being committed, the oldest first. */
  private void kept() {
    Iterator<Pending> waiting = committing.iterator();
    ids.kept(waiting.hasNext() ? waiting.next().decided().id() : null);
  }

  private void committed(Pending p, @Nullable Decision stored, @Nullable Throwable failure) {
    if (!p.answered) {
      conclude(p, stored, failure);
    }
    committing.remove(p);
    kept();
  }

  private void conclude(Pending p, @Nullable Decision stored, @Nullable Throwable failure) {
    if (stored != null) {
      answer(p, stored.id().equals(p.decided().id()) ? p.decided() : Decided.of(stored));
    } else if (failure instanceof FeedbackException.RequestIdConflict) {
      refuse(p, Refusal.REQUEST_ID_REUSED, p.model);
    } else if (failure instanceof FeedbackException.NotSent) {
      notCommitted(p);
    } else {
      DecisionLines.unknown(p.decided().id(), failure);
      refuse(p, Refusal.UNKNOWN_OUTCOME, p.model);
    }
  }

  /** Known not to be in the database: nothing may be enforced that is not logged. */
  private void notCommitted(Pending p) {
    if (p.call.requestId() != null) {
      refuse(p, Refusal.NOT_LOGGED, p.model);
      return;
    }
    Decided was = p.decided();
    p.decided =
        decided(p, was.score(), was.review(), ModeRule.observe(was.mode(), ModeSource.UNLOGGED));
    spool(List.of(p));
  }

  private void answer(Pending p, Decided decided) {
    close(p);
    long now = System.nanoTime();
    parts.meters().of(p.model()).decided(decided, now - p.terms.arrivedNanos());
    // Not one that was made before for its requestId, and none that asks for a version: a check.
    if (p.call.modelVersion() == null && decided.id().equals(p.decided().id())) {
      inputs.add(p.model(), p.call.row(), decided.score(), decided.review());
    }
    lines.decided(p.terms.trace(), decided, now);
    p.reply.decided(decided);
    trials.answered(p, decided);
  }

  private void refuse(Pending p, Refusal why, @Nullable ServedModel model) {
    close(p);
    parts.refused(why, model, p.call.modelId(), p.terms.arrivedNanos(), p.terms.deadlineNanos());
    UUID id = why == Refusal.UNKNOWN_OUTCOME ? p.decided().id() : null;
    lines.refused(p.terms.trace(), why, id, System.nanoTime());
    p.reply.refused(why, id);
  }

  private void close(Pending p) {
    p.answered = true;
    open--;
  }

  /** Answers what is out of time, wherever it hangs; forgets chunks with nothing left to answer. */
  private void expire(long now) {
    for (Iterator<SentChunk> chunks = scoring.values().iterator(); chunks.hasNext(); ) {
      List<Pending> chunk = chunks.next().requests();
      boolean waiting = false;
      for (Pending p : chunk) {
        if (!p.answered && now - p.terms.deadlineNanos() >= 0) {
          refuse(p, Refusal.EXPIRED, null);
        }
        waiting |= !p.answered;
      }
      if (!waiting) {
        chunks.remove();
        limit.lost(chunk.size());
      }
    }
    for (Pending p : explaining) {
      if (!p.answered && now - p.terms.deadlineNanos() >= 0) {
        refuse(p, Refusal.EXPIRED, p.model);
      }
    }
    for (Pending p : List.copyOf(committing)) {
      if (!p.answered && now - p.terms.deadlineNanos() >= 0) {
        refuse(p, Refusal.UNKNOWN_OUTCOME, p.model);
      }
    }
  }

  @Override
  public void close() {
    vertx.cancelTimer(sweep);
    if (commits != null) {
      commits.close();
    }
    explanations.close();
    Future<Void> ignored = scored.unregister();
  }
}
