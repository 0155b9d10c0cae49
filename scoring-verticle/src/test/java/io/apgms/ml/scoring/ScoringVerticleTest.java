package io.apgms.ml.scoring;

import static io.apgms.ml.scoring.Sender.get;
import static io.apgms.ml.scoring.Sender.outcomes;
import static io.apgms.ml.scoring.Sender.request;
import static io.apgms.ml.scoring.Sender.tinyRows;
import static io.apgms.ml.scoring.TestModels.CREDIT;
import static io.apgms.ml.scoring.TestModels.IDENTITY;
import static io.apgms.ml.scoring.TestModels.NEW;
import static io.apgms.ml.scoring.TestModels.OLD;
import static io.apgms.ml.scoring.TestModels.RISK;
import static io.apgms.ml.scoring.TestModels.TINY;
import static io.apgms.ml.scoring.TestModels.shipped;
import static io.apgms.ml.scoring.TestModels.tiny;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.junit5.VertxExtension;
import io.vertx.junit5.VertxTestContext;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(VertxExtension.class)
class ScoringVerticleTest extends OneLoop {
  private static final int QUEUE_ROWS = 8;

  @EachShippedArtifact
  void send_goldenRows_comeBackWithTheirScores(String model, String version) {
    ServedModel served = runtime.prepare(shipped(model, version));
    runtime.activate(model, version);
    deploy(64);
    List<ScoreRequest> requests =
        served.golden().stream()
            .map(row -> request(model, null, row.toTensor(served.features())))
            .toList();
    List<ScoreResult> results = score(requests);
    assertThat(results).hasSameSizeAs(served.golden());
    for (int i = 0; i < results.size(); i++) {
      ScoreResult result = results.get(i);
      assertThat(result.outcome()).isEqualTo(Outcome.SCORED);
      assertThat(result.model()).isSameAs(served);
      assertThat(Math.abs(result.score() - served.golden().get(i).score()))
          .isLessThanOrEqualTo(ScoringRuntime.TOLERANCE);
      assertThat(Math.rint(result.score() * 1e6) / 1e6).isEqualTo(result.score());
    }
  }

  @Test
  void send_oneChunk_isAnsweredAtItsReplyAddressWithItsId(Vertx other, VertxTestContext test) {
    serveTiny(IDENTITY);
    other
        .deployVerticle(new ScoringVerticle(runtime, QUEUE_ROWS))
        .compose(
            id ->
                other
                    .eventBus()
                    .<ScoredChunk>localConsumer(
                        "me",
                        message ->
                            test.verify(
                                () -> {
                                  assertThat(message.body().id()).isEqualTo(42);
                                  assertThat(message.body().results()[0].score()).isEqualTo(0.5);
                                  test.completeNow();
                                }))
                    .completion())
        .onSuccess(
            v -> {
              ScoreRequest[] one = tinyRows(0.5).toArray(ScoreRequest[]::new);
              other
                  .eventBus()
                  .send(ScoringVerticle.ADDRESS, new ScoreChunk(42, "me", one), Sender.LOCAL);
            })
        .onFailure(test::failNow);
  }

  @Test
  void send_emptyChunk_isAnswered() {
    deploy(QUEUE_ROWS);
    assertThat(score(List.of())).isEmpty();
  }

  @Test
  void send_moreThanABatch_keepsTheOrder() {
    serveTiny(IDENTITY);
    deploy(1_000);
    double[] values = IntStream.range(0, 1_000).mapToDouble(i -> i / 1_000.0).toArray();
    assertThat(score(tinyRows(values)).stream().mapToDouble(ScoreResult::score))
        .containsExactly(Arrays.stream(values).boxed().toArray(Double[]::new));
  }

  @Test
  void send_batchOfManySlices_leavesTheLoopItsTurns() {
    ScoringRuntime oneRow = new ScoringRuntime(1, new SimpleMeterRegistry());
    oneRow.prepare(tiny(OLD, IDENTITY));
    oneRow.activate(TINY, OLD);
    get(vertx.deployVerticle(new ScoringVerticle(oneRow, QUEUE_ROWS)));
    AtomicInteger turns = new AtomicInteger();
    Promise<Integer> turnsBefore = Promise.promise();
    vertx.eventBus().<ScoredBatch>localConsumer("me", answer -> turnsBefore.complete(turns.get()));
    ScoreBatch batch =
        new ScoreBatch(1, "me", TINY, null, new float[4_096], 4_096, Long.MAX_VALUE / 2);
    vertx.setPeriodic(1, id -> turns.incrementAndGet()); // of the same loop
    vertx.eventBus().send(ScoringVerticle.ADDRESS, batch, Sender.LOCAL);
    assertThat(get(turnsBefore.future())).isGreaterThan(2);
  }

  @Test
  void send_batchBesideABusyLoop_getsHalfOfIt() {
    ScoringRuntime oneRow = new ScoringRuntime(1, new SimpleMeterRegistry());
    oneRow.prepare(tiny(OLD, IDENTITY));
    oneRow.activate(TINY, OLD);
    get(vertx.deployVerticle(new ScoringVerticle(oneRow, QUEUE_ROWS)));
    AtomicInteger turns = new AtomicInteger();
    Promise<Integer> turnsBefore = Promise.promise();
    vertx.eventBus().<ScoredBatch>localConsumer("me", answer -> turnsBefore.complete(turns.get()));
    ScoreBatch batch =
        new ScoreBatch(1, "me", TINY, null, new float[4_096], 4_096, Long.MAX_VALUE / 2);
    vertx.setPeriodic(
        1, // of the same loop
        id -> {
          long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(5);
          while (System.nanoTime() < end) {
            Thread.onSpinWait();
          }
          turns.incrementAndGet();
        });
    vertx.eventBus().send(ScoringVerticle.ADDRESS, batch, Sender.LOCAL);
    assertThat(get(turnsBefore.future())).as("4,096 slices, one a turn before").isLessThan(400);
  }

  @Test
  void send_unknownModel_isNoModel() {
    deploy(QUEUE_ROWS);
    runtime.prepare(tiny(OLD, IDENTITY)); // loaded, and not active
    List<ScoreResult> results =
        score(
            List.of(
                request("nobody", null, 1f),
                request("nobody", OLD, 1f),
                request(TINY, null, 0.5f)));
    assertThat(outcomes(results)).containsOnly(Outcome.NO_MODEL).hasSize(3);
    assertThat(results).allMatch(result -> result.score() == 0 && result.model() == null);
  }

  @Test
  void send_versionNotLoaded_isNoVersionBesideScoredOnes() {
    serveTiny(IDENTITY);
    deploy(QUEUE_ROWS);
    List<ScoreResult> results =
        score(
            List.of(request(TINY, NEW, 0.1f), request(TINY, OLD, 0.2f), request(TINY, null, 0.3f)));
    assertThat(outcomes(results))
        .containsExactly(Outcome.NO_VERSION, Outcome.SCORED, Outcome.SCORED);
    assertThat(results.get(0).model()).isNull();
  }

  @Test
  void send_namedVersion_isScoredByItThoughAnotherIsActive() {
    serveTiny(IDENTITY);
    String half = "return torch.mul(torch.add(torch.select(input, 1, 0), 0.25), 0.5)";
    ServedModel shadow = runtime.prepare(tiny(NEW, half));
    deploy(QUEUE_ROWS);
    List<ScoreResult> results =
        score(List.of(request(TINY, NEW, 0.75f), request(TINY, null, 0.75f)));
    assertThat(results).extracting(ScoreResult::score).containsExactly(0.5, 0.75);
    assertThat(results.get(0).model()).isSameAs(shadow);
    assertThat(results.get(1).model()).isSameAs(runtime.active(TINY));
  }

  @Test
  void send_overAFullQueue_isOverloadedAndTheRestIsScored() {
    serveTiny(IDENTITY);
    deploy(4);
    List<List<ScoreResult>> answers =
        burst(
            List.of(
                tinyRows(0.1, 0.2), tinyRows(0.3, 0.4, 0.5), tinyRows(0.6, 0.7), tinyRows(0.8)));
    assertThat(answers.stream().map(Sender::outcomes))
        .containsExactly(
            List.of(Outcome.SCORED, Outcome.SCORED),
            List.of(Outcome.OVERLOADED, Outcome.OVERLOADED, Outcome.OVERLOADED),
            List.of(Outcome.SCORED, Outcome.SCORED),
            List.of(Outcome.OVERLOADED));
    assertThat(outcomes(score(tinyRows(0.9, 0.1, 0.2, 0.3))))
        .as("room again")
        .containsOnly(Outcome.SCORED);
  }

  @Test
  void send_deadlinePassed_isExpiredBesideScoredOnes() {
    serveTiny(IDENTITY);
    deploy(QUEUE_ROWS);
    ScoreRequest late = new ScoreRequest(TINY, null, new float[] {0.5f}, System.nanoTime());
    List<ScoreResult> results = score(List.of(late, request(TINY, null, 0.25f), late));
    assertThat(outcomes(results)).containsExactly(Outcome.EXPIRED, Outcome.SCORED, Outcome.EXPIRED);
    assertThat(results.get(1).score()).isEqualTo(0.25);
  }

  @ParameterizedTest
  @ValueSource(
      floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1.00001f, -0.00001f})
  void send_modelGivesNoScore_isInvalidOutputForThatRowAlone(float output) {
    serveTiny(IDENTITY);
    deploy(QUEUE_ROWS);
    List<ScoreResult> results = score(tinyRows(0.25, output, 0.75));
    assertThat(outcomes(results))
        .containsExactly(Outcome.SCORED, Outcome.INVALID_OUTPUT, Outcome.SCORED);
    assertThat(results).extracting(ScoreResult::score).containsExactly(0.25, 0.0, 0.75);
    assertThat(results.get(1).model()).isSameAs(runtime.active(TINY));
  }

  @Test
  void send_zeroAndOne_areScores() {
    serveTiny(IDENTITY);
    deploy(QUEUE_ROWS);
    assertThat(outcomes(score(tinyRows(0, 1)))).containsOnly(Outcome.SCORED);
  }

  @Test
  void send_shippedModelMissingWhereNoneIsAccepted_isInvalidOutput() {
    ServedModel served = runtime.prepare(shipped(RISK, OLD));
    runtime.activate(RISK, OLD);
    deploy(QUEUE_ROWS);
    float[] row = served.golden().get(0).toTensor(served.features());
    float[] broken = row.clone();
    broken[0] = Float.NaN;
    List<ScoreResult> results =
        score(List.of(request(RISK, null, broken), request(RISK, null, row)));
    assertThat(outcomes(results)).containsExactly(Outcome.INVALID_OUTPUT, Outcome.SCORED);
  }

  @Test
  void send_forwardFails_isFailedAndTheNextIsScored() {
    serveTiny(
        "if bool(torch.gt(torch.max(input), 0.5)):",
        "  ops.prim.RaiseException(\"over a half\")",
        "else:",
        "  pass",
        IDENTITY);
    deploy(QUEUE_ROWS);
    List<ScoreResult> failed = score(tinyRows(0.75));
    assertThat(outcomes(failed)).containsExactly(Outcome.FAILED);
    assertThat(failed.get(0).model()).isSameAs(runtime.active(TINY));
    assertThat(outcomes(score(tinyRows(0.5)))).containsExactly(Outcome.SCORED);
  }

  @Test
  void send_directMemoryExhausted_isFailedAndTheNextIsScored() {
    int batchRows = 4_096; // over what the model keeps a buffer for
    ScoringRuntime large = new ScoringRuntime(batchRows, new SimpleMeterRegistry());
    ServedModel served = large.prepare(shipped(RISK, OLD));
    large.activate(RISK, OLD);
    get(vertx.deployVerticle(new ScoringVerticle(large, batchRows)));
    float[] row = served.golden().get(0).toTensor(served.features());
    Sender sender = new Sender(vertx);
    List<ByteBuffer> hoard = new ArrayList<>();
    fill(hoard, 64 << 20);
    fill(hoard, 64 << 10);
    Future<List<ScoreResult>> failed =
        sender.send(
            ScoringVerticle.ADDRESS, Collections.nCopies(batchRows, request(RISK, null, row)));
    try {
      assertThat(outcomes(get(failed, 5))).containsOnly(Outcome.FAILED);
    } finally {
      hoard.clear();
    }
    Future<List<ScoreResult>> next =
        sender.send(ScoringVerticle.ADDRESS, List.of(request(RISK, null, row)));
    assertThat(outcomes(get(next, 5))).containsExactly(Outcome.SCORED);
  }

  private static void fill(List<ByteBuffer> hoard, int bytes) {
    try {
      while (true) {
        hoard.add(ByteBuffer.allocateDirect(bytes));
      }
    } catch (OutOfMemoryError full) {
      assertThat(full).hasMessageContaining("direct buffer memory");
    }
  }

  @Test
  void send_wrongNumberOfFeatures_isFailed() {
    serveTiny(IDENTITY);
    deploy(QUEUE_ROWS);
    assertThat(outcomes(score(List.of(request(TINY, null, 0.1f, 0.2f)))))
        .containsExactly(Outcome.FAILED);
  }

  @Test
  void send_rowOfAnotherWidthInTheBatch_leavesTheOthersScored() {
    serveTiny(IDENTITY);
    deploy(QUEUE_ROWS);
    assertThat(burst(List.of(List.of(request(TINY, null, 0.1f, 0.2f)), tinyRows(0.3))))
        .extracting(Sender::outcomes)
        .containsExactly(List.of(Outcome.FAILED), List.of(Outcome.SCORED));
  }

  @Test
  void send_twoModelsOfDifferentWidths_shareABatch() {
    serveTiny(IDENTITY);
    ServedModel credit = runtime.prepare(shipped(CREDIT, OLD));
    runtime.activate(CREDIT, OLD);
    deploy(64);
    float[] row = credit.golden().get(0).toTensor(credit.features());
    List<ScoreRequest> requests = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      requests.add(request(TINY, null, i / 20f));
      requests.add(request(CREDIT, null, row));
    }
    List<ScoreResult> results = score(requests);
    for (int i = 0; i < 20; i++) {
      assertThat(results.get(2 * i).score()).isEqualTo(ScoringRuntime.rounded(i / 20f));
      assertThat(Math.abs(results.get(2 * i + 1).score() - credit.golden().get(0).score()))
          .isLessThanOrEqualTo(ScoringRuntime.TOLERANCE);
    }
  }
}
