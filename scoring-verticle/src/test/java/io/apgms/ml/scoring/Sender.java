package io.apgms.ml.scoring;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Sends chunks and keeps the promise of each answer; an answer nobody waits for is counted. */
final class Sender {
  static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  private final Vertx vertx;
  private final String address = "sender-" + UUID.randomUUID();
  private final Map<Long, Promise<ScoredChunk>> waiting = new ConcurrentHashMap<>();
  private final AtomicLong ids = new AtomicLong();
  private final AtomicLong unexpected = new AtomicLong();

  Sender(Vertx vertx) {
    this.vertx = vertx;
    get(vertx.eventBus().<ScoredChunk>localConsumer(address, m -> take(m.body())).completion());
  }

  private void take(ScoredChunk chunk) {
    Promise<ScoredChunk> promise = waiting.remove(chunk.id());
    if (promise == null) {
      unexpected.incrementAndGet();
    } else {
      promise.complete(chunk);
    }
  }

  Future<List<ScoreResult>> send(String to, List<ScoreRequest> requests) {
    long id = ids.incrementAndGet();
    Promise<ScoredChunk> promise = Promise.promise();
    waiting.put(id, promise);
    ScoreChunk chunk = new ScoreChunk(id, address, requests.toArray(ScoreRequest[]::new));
    vertx.eventBus().send(to, chunk, LOCAL);
    return promise.future().map(scored -> List.of(scored.results()));
  }

  /** Sends each chunk to the shared address, all of them from within one task of a loop. */
  List<List<ScoreResult>> burst(List<List<ScoreRequest>> chunks) {
    Promise<List<List<ScoreResult>>> all = Promise.promise();
    vertx.runOnContext(
        v -> {
          List<Future<List<ScoreResult>>> answers =
              chunks.stream().map(c -> send(ScoringVerticle.ADDRESS, c)).toList();
          Future.all(answers)
              .<List<List<ScoreResult>>>map(done -> answers.stream().map(Future::result).toList())
              .onComplete(all);
        });
    return get(all.future());
  }

  /** Answers that came twice or that nobody asked for. */
  long unexpected() {
    return unexpected.get();
  }

  static ScoreRequest request(String model, @Nullable String version, float... row) {
    return new ScoreRequest(model, version, row, System.nanoTime() + TimeUnit.MINUTES.toNanos(1));
  }

  static List<ScoreRequest> tinyRows(double... values) {
    return Arrays.stream(values).mapToObj(v -> request(TestModels.TINY, null, (float) v)).toList();
  }

  static List<Outcome> outcomes(List<ScoreResult> results) {
    return results.stream().map(ScoreResult::outcome).toList();
  }

  static <T> T get(Future<T> future) {
    return get(future, 20);
  }

  static <T> T get(Future<T> future, int seconds) {
    try {
      return future.toCompletionStage().toCompletableFuture().get(seconds, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
