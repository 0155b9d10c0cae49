package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.Decision;
import io.apgms.ml.scoring.Elsewhere;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import org.jspecify.annotations.Nullable;

/**
 * Explanations off the event loop: one thread for all flows, so that they never take more than one
 * processor from the scores. Where other processes score, they are asked, and no thread waits. One
 * instance a flow, confined to its loop.
 */
public final class Explanations implements AutoCloseable {
  static final String POOL = "explain";

  /** Of one flow, waiting or under way: milliseconds each, so some hundred milliseconds at most. */
  static final int MAX_OPEN = 32;

  private final Context context;
  private final ScoringRuntime runtime;
  private final WorkerExecutor worker;
  private int open;

  Explanations(Vertx vertx, Context context, ScoringRuntime runtime) {
    this.context = context;
    this.runtime = runtime;
    this.worker = vertx.createSharedWorkerExecutor(POOL, 1);
  }

  /** The explanation of a score, on this loop later; null where too many wait. */
  @Nullable Future<ExplainResult> explain(Pending p, ServedModel model, double score) {
    if (open >= MAX_OPEN) {
      return null;
    }
    open++;
    float[] row = p.call.row();
    long deadline = p.terms.deadlineNanos();
    Elsewhere elsewhere = runtime.elsewhere();
    // A task that is late ends at its first look at the clock, so open counts what truly waits.
    Future<ExplainResult> explained =
        elsewhere == null
            ? worker.executeBlocking(() -> runtime.explain(model, row, score, deadline), false)
            : here(elsewhere.explain(model, row, score, deadline));
    return explained.onComplete(done -> open--);
  }

  private Future<ExplainResult> here(Future<ExplainResult> onAnotherLoop) {
    Promise<ExplainResult> here = Promise.promise();
    onAnotherLoop.onComplete(done -> context.runOnContext(v -> here.handle(done)));
    return here.future();
  }

  /** As it is kept with a decision. */
  static Decision.@Nullable Explained kept(@Nullable Explanation e) {
    return e == null
        ? null
        : new Decision.Explained(
            e.contributions(), e.baseline(), e.standardError(), e.rowsScored());
  }

  /** As it was answered, of a decision that was kept. */
  public static @Nullable Explanation of(Decision decision) {
    Decision.Explained e = decision.explained();
    return e == null
        ? null
        : new Explanation(e.contributions(), e.baseline(), e.standardError(), e.rowsScored());
  }

  @Override
  public void close() {
    var unused = worker.close();
  }
}
