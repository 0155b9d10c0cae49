package io.apgms.ml.gateway.cli;

import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreRequest;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One version scoring rows by the very code that serves, a chunk at a time. Blocking. */
final class OfflineScorer implements AutoCloseable {
  /** Most rows of one call. */
  static final int CHUNK = 256;

  private static final long BOUND_SECONDS = 60;

  private final Vertx vertx = Vertx.vertx();
  private final ArrayBlockingQueue<ScoredChunk> answers = new ArrayBlockingQueue<>(1);
  private final ServedModel served;
  private long chunks;

  private OfflineScorer(ScoringRuntime runtime, ServedModel served) {
    this.served = served;
    runtime.activate(served.modelId(), served.version());
    vertx.eventBus().<ScoredChunk>localConsumer("offline", m -> answers.add(m.body()));
  }

  static OfflineScorer open(VerifiedArtifact artifact) {
    ScoringRuntime runtime = new ScoringRuntime(CHUNK, new SimpleMeterRegistry());
    OfflineScorer scorer = new OfflineScorer(runtime, runtime.prepare(artifact));
    await(scorer.vertx.deployVerticle(new ScoringVerticle(runtime, CHUNK)));
    return scorer;
  }

  ServedModel served() {
    return served;
  }

  /** Scores at most {@link #CHUNK} rows, in their order. */
  ScoreResult[] score(List<float[]> rows) throws InterruptedException {
    if (rows.isEmpty()) {
      return new ScoreResult[0];
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(BOUND_SECONDS);
    ScoreRequest[] requests =
        rows.stream()
            .map(row -> new ScoreRequest(served.modelId(), null, row, deadline))
            .toArray(ScoreRequest[]::new);
    vertx.eventBus().send(ScoringVerticle.ADDRESS, new ScoreChunk(++chunks, "offline", requests));
    ScoredChunk answer = answers.poll(BOUND_SECONDS, TimeUnit.SECONDS);
    if (answer == null) {
      throw new Failure(Failure.UNAVAILABLE, "no score within " + BOUND_SECONDS + " s");
    }
    return answer.results();
  }

  @Override
  public void close() {
    await(vertx.close());
  }

  private static void await(Future<?> future) {
    future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(BOUND_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
