package io.apgms.ml.scoring;

import static io.apgms.ml.scoring.Sender.get;
import static io.apgms.ml.scoring.Sender.outcomes;
import static io.apgms.ml.scoring.Sender.request;
import static io.apgms.ml.scoring.Sender.tinyRows;
import static io.apgms.ml.scoring.TestModels.IDENTITY;
import static io.apgms.ml.scoring.TestModels.NEW;
import static io.apgms.ml.scoring.TestModels.OLD;
import static io.apgms.ml.scoring.TestModels.RISK;
import static io.apgms.ml.scoring.TestModels.shipped;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.junit5.VertxExtension;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Several instances over one runtime. */
@ExtendWith(VertxExtension.class)
class ScoringInstancesTest extends OneLoop {
  private static final int QUEUE_ROWS = 8;

  @Test
  void deploy_twoInstances_takeTurnsAtTheSharedAddress() {
    serveTiny(IDENTITY);
    deploy(2);
    List<List<ScoreRequest>> three =
        List.of(tinyRows(0.1, 0.2), tinyRows(0.3, 0.4), tinyRows(0.5, 0.6));
    assertThat(burst(three).stream().flatMap(List::stream).map(ScoreResult::outcome))
        .as("one queue holds one chunk")
        .containsExactly(
            Outcome.SCORED,
            Outcome.SCORED,
            Outcome.OVERLOADED,
            Outcome.OVERLOADED,
            Outcome.OVERLOADED,
            Outcome.OVERLOADED);
    deploy(2);
    assertThat(burst(three).stream().flatMap(List::stream).map(ScoreResult::outcome))
        .as("two hold two")
        .containsExactly(
            Outcome.SCORED,
            Outcome.SCORED,
            Outcome.SCORED,
            Outcome.SCORED,
            Outcome.OVERLOADED,
            Outcome.OVERLOADED);
  }

  @Test
  void deploy_twoInstances_eachAnswersAtItsOwnAddress() {
    serveTiny(IDENTITY);
    ScoringVerticle small = deploy(1);
    ScoringVerticle large = deploy(2);
    assertThat(small.address()).isNotEqualTo(large.address());
    Sender sender = new Sender(vertx);
    assertThat(outcomes(get(sender.send(small.address(), tinyRows(0.1, 0.2)))))
        .containsOnly(Outcome.OVERLOADED);
    assertThat(outcomes(get(sender.send(large.address(), tinyRows(0.1, 0.2)))))
        .containsOnly(Outcome.SCORED);
  }

  @Test
  void undeploy_oneOfTwo_leavesTheOtherToAnswerAll() {
    serveTiny(IDENTITY);
    String gone = get(vertx.deployVerticle(new ScoringVerticle(runtime, QUEUE_ROWS)));
    deploy(QUEUE_ROWS);
    get(vertx.undeploy(gone));
    for (int i = 0; i < 4; i++) {
      assertThat(outcomes(score(tinyRows(0.1)))).containsExactly(Outcome.SCORED);
    }
  }

  @Test
  void deploy_onAnothersContext_scoresOnThatLoop() {
    serveTiny(IDENTITY);
    Context mine = vertx.getOrCreateContext();
    ScoringVerticle beside = new ScoringVerticle(runtime, QUEUE_ROWS);
    Promise<Object> deployed = Promise.promise();
    mine.runOnContext(
        v -> {
          try {
            beside.deploy(mine).<Object>map(x -> "deployed").onComplete(deployed);
          } catch (Exception e) {
            deployed.fail(e);
          }
        });
    assertThat(get(deployed.future())).isEqualTo("deployed");
    assertThat(outcomes(get(new Sender(vertx).send(beside.address(), tinyRows(0.1)))))
        .containsExactly(Outcome.SCORED);
  }

  @Test
  void swap_underLoadOnTwoLoops_everyScoreIsOfTheVersionItNames(Vertx loops) {
    ServedModel served = runtime.prepare(shipped(RISK, OLD));
    runtime.prepare(shipped(RISK, NEW));
    float[] rows = TestModels.rows(served.features(), 32, 5);
    Map<String, double[]> expected =
        Stream.of(OLD, NEW)
            .collect(
                Collectors.toMap(
                    version -> version,
                    version -> {
                      LoadedModel loaded = runtime.acquire(RISK, version);
                      double[] scores = TestModels.scores(loaded, rows);
                      loaded.release();
                      return scores;
                    }));
    runtime.activate(RISK, OLD);
    get(loops.deployVerticle(new ScoringVerticle(runtime, 10_000)));
    get(loops.deployVerticle(new ScoringVerticle(runtime, 10_000)));
    Sender sender = new Sender(loops);
    int width = served.features().size();
    List<ScoreRequest> requests =
        IntStream.range(0, 32)
            .mapToObj(
                i -> request(RISK, null, Arrays.copyOfRange(rows, i * width, (i + 1) * width)))
            .toList();
    Set<String> seen = ConcurrentHashMap.newKeySet();
    for (int swap = 1; swap <= 20; swap++) {
      List<Future<List<ScoreResult>>> inFlight =
          IntStream.range(0, 20)
              .mapToObj(i -> sender.send(ScoringVerticle.ADDRESS, requests))
              .toList();
      ServedModel next = runtime.prepare(shipped(RISK, swap % 2 == 0 ? OLD : NEW));
      runtime.activate(RISK, next.version());
      runtime.retain(RISK, Set.of());
      for (Future<List<ScoreResult>> answer : inFlight) {
        List<ScoreResult> results = get(answer);
        for (int i = 0; i < results.size(); i++) {
          ScoreResult result = results.get(i);
          assertThat(result.outcome()).isEqualTo(Outcome.SCORED);
          String version = result.model().version();
          seen.add(version);
          assertThat(Math.abs(result.score() - expected.get(version)[i]))
              .isLessThanOrEqualTo(ScoringRuntime.TOLERANCE);
        }
      }
    }
    assertThat(seen).containsExactlyInAnyOrder(OLD, NEW);
    assertThat(sender.unexpected()).isZero();
  }
}
