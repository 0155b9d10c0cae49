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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Active versions scoring rows by the very code that serves, a chunk at a time. Blocking. */
final class OfflineScorer implements AutoCloseable {
  /** Most rows of one call. */
  static final int CHUNK = 256;

  private static final long BOUND_SECONDS = 60;

  private final Vertx vertx = Vertx.vertx();
  private final ArrayBlockingQueue<ScoredChunk> answers = new ArrayBlockingQueue<>(1);
  private final ScoringRuntime runtime;
  private final @Nullable ServedModel one;
  private long chunks;

  private OfflineScorer(ScoringRuntime runtime, @Nullable ServedModel one) {
    this.runtime = runtime;
    this.one = one;
    vertx.eventBus().<ScoredChunk>localConsumer("offline", m -> answers.add(m.body()));
    await(vertx.deployVerticle(new ScoringVerticle(runtime, CHUNK)));
  }

  /** Over one version. */
  static OfflineScorer open(VerifiedArtifact artifact) {
    ScoringRuntime runtime = new ScoringRuntime(CHUNK, new SimpleMeterRegistry());
    ServedModel served = runtime.prepare(artifact);
    runtime.activate(served.modelId(), served.version());
    return new OfflineScorer(runtime, served);
  }

  /** Over whichever versions are active when rows are scored; they are freed with it. */
  static OfflineScorer over(ScoringRuntime runtime) {
    return new OfflineScorer(runtime, null);
  }

  /** The one version it was opened over. */
  ServedModel served() {
    return Objects.requireNonNull(one);
  }

  /** Scores at most {@link #CHUNK} rows by that version, in their order. */
  ScoreResult[] score(List<float[]> rows) throws InterruptedException {
    return score(served().modelId(), rows);
  }

  /** Scores at most {@link #CHUNK} rows by a model's active version, in their order. */
  ScoreResult[] score(String modelId, List<float[]> rows) throws InterruptedException {
    if (rows.isEmpty()) {
      return new ScoreResult[0];
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(BOUND_SECONDS);
    ScoreRequest[] requests =
        rows.stream()
            .map(row -> new ScoreRequest(modelId, null, row, deadline))
            .toArray(ScoreRequest[]::new);
    vertx.eventBus().send(ScoringVerticle.ADDRESS, new ScoreChunk(++chunks, "offline", requests));
    ScoredChunk answer = answers.poll(BOUND_SECONDS, TimeUnit.SECONDS);
    if (answer == null) {
      throw new Failure(Failure.UNAVAILABLE, "no score within " + BOUND_SECONDS + " s");
    }
    return answer.results();
  }

  /** Frees the models: the garbage collector would, with a complaint on standard error. */
  @Override
  public void close() {
    await(vertx.close());
    Map<String, Set<String>> active = new HashMap<>();
    runtime.active().forEach(m -> active.put(m.modelId(), Set.of(m.version())));
    runtime.revoke(active);
  }

  private static void await(Future<?> future) {
    future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(BOUND_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
