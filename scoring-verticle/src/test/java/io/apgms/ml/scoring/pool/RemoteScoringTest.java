package io.apgms.ml.scoring.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.junit5.VertxExtension;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** An edge's end over a bus without a cluster. */
@ExtendWith(VertxExtension.class)
class RemoteScoringTest {
  private static final ServedModel MODEL =
      new ServedModel("m", "1", "sha256:1", List.of(), 0.5, new Slo(0.9, 100), List.of());
  private static final VersionKey V1 = VersionKey.of(MODEL);

  private final AtomicReference<ScoringRuntime> runtime = new AtomicReference<>();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final RemoteScoring remote = new RemoteScoring(runtime::get, meters, true);

  private static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(5, TimeUnit.SECONDS);
  }

  private void deploy(Vertx vertx) throws Exception {
    runtime.set(ScoringRuntime.describing(meters, remote));
    await(vertx.deployVerticle(remote));
  }

  private static void announce(Vertx vertx, String address, VersionKey... versions) {
    vertx
        .eventBus()
        .publish(
            RemoteScoring.ANNOUNCEMENTS,
            Wire.encode(new Announcement("node-" + address, address, 64, Set.of(versions))));
  }

  /** Hazelcast tells of members from before on, on its own thread. */
  @Test
  void left_beforeItIsDeployed_isPassedOver(Vertx vertx) throws Exception {
    assertThatCode(() -> remote.left("node-a")).doesNotThrowAnyException();
    deploy(vertx);
    assertThatCode(() -> remote.left("node-a")).doesNotThrowAnyException();
  }

  @Test
  void serves_oneOfTwoHasIt_isSomewhereAndNotEverywhere(Vertx vertx) throws Exception {
    deploy(vertx);
    announce(vertx, "a", V1);
    announce(vertx, "b", new VersionKey("m", "0", "sha256:0"));
    awaitServed(V1, true, false);
    announce(vertx, "b", V1);
    awaitServed(V1, true, true);
  }

  private void awaitServed(VersionKey v, boolean somewhere, boolean everywhere) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2); // below a member's silence
    while (remote.serves(v.modelId(), v.version(), v.digest()) != somewhere
        || remote.servesEverywhere(v.modelId(), v.version(), v.digest()) != everywhere) {
      assertThat(System.nanoTime()).as("in time").isLessThan(end);
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  @Test
  void explain_processAskedLeaves_isOverloadedAtOnce(Vertx vertx) throws Exception {
    deploy(vertx);
    announce(vertx, "a", V1);
    awaitServed(V1, true, true);
    vertx.eventBus().<Object>localConsumer("a" + RemoteScoring.EXPLAIN, m -> remote.left("node-a"));
    Future<ExplainResult> explained =
        remote.explain(
            MODEL, new float[] {1}, 0.5, System.nanoTime() + TimeUnit.MINUTES.toNanos(1));
    assertThat(await(explained).outcome()).isEqualTo(Outcome.OVERLOADED);
  }
}
