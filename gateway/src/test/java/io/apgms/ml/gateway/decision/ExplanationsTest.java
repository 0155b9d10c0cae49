package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.Elsewhere;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.junit5.VertxExtension;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Where other processes explain. */
@ExtendWith(VertxExtension.class)
class ExplanationsTest {
  private static final ServedModel MODEL =
      new ServedModel("m", "1", "sha256:1", List.of(), 0.5, new Slo(0.9, 100), List.of());

  private final Queue<Promise<ExplainResult>> asked = new ConcurrentLinkedQueue<>();

  private final class Members implements Elsewhere {
    @Override
    public boolean serves(String modelId, String version, String digest) {
      return true;
    }

    @Override
    public boolean servesEverywhere(String modelId, String version, String digest) {
      return true;
    }

    @Override
    public Future<ExplainResult> explain(
        ServedModel model, float[] row, double score, long deadlineNanos) {
      Promise<ExplainResult> answer = Promise.promise();
      asked.add(answer);
      return answer.future();
    }
  }

  private static Pending pending() {
    return Waiting.of("m", true, System.nanoTime());
  }

  /** All asked before any is answered: none waits for another, and too many are refused. */
  @Test
  void explain_firstIsLost_othersAreAnsweredOnTheFlowsLoop(Vertx vertx) throws Exception {
    Context context = vertx.getOrCreateContext();
    CompletableFuture<Integer> refused = new CompletableFuture<>();
    CompletableFuture<Boolean> onLoop = new CompletableFuture<>();
    Explanations[] explanations = new Explanations[1];
    context.runOnContext(
        v -> {
          explanations[0] =
              new Explanations(
                  vertx,
                  context,
                  ScoringRuntime.describing(new SimpleMeterRegistry(), new Members()));
          int none = 0;
          for (int i = 0; i < Explanations.MAX_OPEN + 2; i++) {
            Future<ExplainResult> explained = explanations[0].explain(pending(), MODEL, 0.5);
            if (explained == null) {
              none++;
            } else {
              explained.onComplete(
                  done -> onLoop.complete(Vertx.currentContext() == context && done.succeeded()));
            }
          }
          refused.complete(none);
        });
    assertThat(refused.get(5, TimeUnit.SECONDS)).isEqualTo(2);
    assertThat(asked).hasSize(Explanations.MAX_OPEN);
    asked.remove(); // never answered
    asked.remove().complete(new ExplainResult(Outcome.OVERLOADED, null));
    assertThat(onLoop.get(5, TimeUnit.SECONDS)).isTrue();
    CompletableFuture<Boolean> taken = new CompletableFuture<>();
    context.runOnContext(
        v -> taken.complete(explanations[0].explain(pending(), MODEL, 0.5) != null));
    assertThat(taken.get(5, TimeUnit.SECONDS)).as("its place is free again").isTrue();
  }
}
