package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.junit5.VertxExtension;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(VertxExtension.class)
class DecisionFlowTest {
  private static final ScoreCall CALL = new ScoreCall("m", null, null, null, null, new float[] {1});
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final DecisionMeters counted = new DecisionMeters(meters);
  private final ScoringRuntime runtime = new ScoringRuntime(8, meters);
  private final BlockingQueue<Refusal> refusals = new LinkedBlockingQueue<>();
  private final BlockingQueue<Decided> decisions = new LinkedBlockingQueue<>();
  private Vertx vertx;
  private Context context;

  @BeforeEach
  void take(Vertx vertx) throws Exception {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    // registers the codecs of the chunks
    vertx
        .deployVerticle(new ScoringVerticle(runtime, 8))
        .toCompletionStage()
        .toCompletableFuture()
        .get(10, TimeUnit.SECONDS);
  }

  private final class Recorded implements Reply {
    @Override
    public void decided(Decided decided) {
      decisions.add(decided);
    }

    @Override
    public void refused(Refusal why, UUID predictionId) {
      refusals.add(why);
    }
  }

  private void decide(String scoringAddress, int times, long timeoutMs) {
    decide(scoringAddress, CALL, times, timeoutMs);
  }

  private void decide(String scoringAddress, ScoreCall call, int times, long timeoutMs) {
    context.runOnContext(
        v -> {
          DecisionFlow flow =
              new DecisionFlow(
                  vertx,
                  context,
                  scoringAddress,
                  new DecisionFlow.Parts(
                      runtime,
                      new DecisionModes(null),
                      null,
                      new ActionCap(1, ActionCap.Watch.NONE),
                      new TrialBoard(),
                      counted),
                  new LoopLimit(Runnable::run, 0));
          long now = System.nanoTime();
          long deadline = now + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
          for (int i = 0; i < times; i++) {
            flow.decide(call, new Terms(null, now, deadline, null, null), new Recorded());
          }
        });
  }

  /** Keeps the one thread that explains until it is released. */
  private Future<Boolean> takeExplainer(CountDownLatch release) {
    WorkerExecutor taken = vertx.createSharedWorkerExecutor(Explanations.POOL, 1);
    return taken.executeBlocking(() -> release.await(20, TimeUnit.SECONDS), false);
  }

  private List<Refusal> answers(int count) throws InterruptedException {
    List<Refusal> answers = new ArrayList<>();
    while (answers.size() < count) {
      Refusal next = refusals.poll(5, TimeUnit.SECONDS);
      assertThat(next).as("answer %d of %d", answers.size() + 1, count).isNotNull();
      answers.add(next);
    }
    return answers;
  }

  private void score(Consumer<Message<ScoreChunk>> scorer) {
    vertx.eventBus().<ScoreChunk>localConsumer("stub", scorer::accept);
  }

  @Test
  void decide_chunkLost_isAnsweredByItsDeadline() throws Exception {
    score(message -> {});
    long start = System.nanoTime();
    decide("stub", 100, 200);
    assertThat(answers(100)).containsOnly(Refusal.EXPIRED);
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(2));
  }

  @Test
  void decide_nobodyScores_isAnsweredByItsDeadline() throws Exception {
    decide("nobody", 3, 100);
    assertThat(answers(3)).containsOnly(Refusal.EXPIRED);
  }

  @Test
  void decide_chunkComesBackAfterTheDeadline_isAnsweredOnce() throws Exception {
    score(
        message ->
            vertx.setTimer(
                400,
                id -> {
                  answer(message.body());
                  refusals.add(Refusal.FAILED); // the mark: all before it has been handled
                }));
    decide("stub", 2, 100);
    assertThat(answers(3)).containsExactly(Refusal.EXPIRED, Refusal.EXPIRED, Refusal.FAILED);
    assertThat(refusals).isEmpty();
  }

  private void answer(ScoreChunk chunk) {
    ScoreResult[] none = new ScoreResult[chunk.requests().length];
    Arrays.fill(none, new ScoreResult(ScoreResult.Outcome.NO_MODEL, 0, null));
    vertx.eventBus().send(chunk.replyTo(), new ScoredChunk(chunk.id(), none), LOCAL);
  }

  @Test
  void decide_manyInOneTick_travelAsOneChunk() throws Exception {
    BlockingQueue<Integer> sizes = new LinkedBlockingQueue<>();
    score(
        message -> {
          sizes.add(message.body().requests().length);
          answer(message.body());
        });
    decide("stub", 100, 2_000);
    assertThat(answers(100)).containsOnly(Refusal.NO_MODEL);
    assertThat(sizes).containsExactly(100);
  }

  @Test
  void decide_moreThanMayBeOpen_isOverloaded() throws Exception {
    score(message -> {});
    decide("stub", 8_200, 1_000);
    List<Refusal> answers = answers(8_200);
    assertThat(answers.subList(0, 8)).containsOnly(Refusal.OVERLOADED);
    assertThat(answers.subList(8, 8_200)).containsOnly(Refusal.EXPIRED);
  }

  /** A served model, its case with {@code explain}, and a stub that gives its score. */
  private ScoreCall explained() {
    VerifiedArtifact artifact =
        ArtifactStore.withoutSignatures(Path.of("../artifacts/models"))
            .load("risk-score", "20261123");
    ServedModel model = runtime.prepare(artifact);
    runtime.activate(model.modelId(), model.version());
    double score = artifact.golden().get(0).score();
    score(
        message -> {
          ScoreResult[] results = new ScoreResult[message.body().requests().length];
          Arrays.fill(results, new ScoreResult(ScoreResult.Outcome.SCORED, score, model));
          vertx
              .eventBus()
              .send(message.body().replyTo(), new ScoredChunk(message.body().id(), results), LOCAL);
        });
    float[] row = artifact.golden().get(0).toTensor(model.features());
    return new ScoreCall(model.modelId(), null, null, null, null, row, true);
  }

  /** Its deadline passed: ours where it had the SLO's time, the caller's where it had not. */
  @Test
  void decide_expired_countsForItsModelUnlessTheCallerWasInAHurry() throws Exception {
    explained();
    ServedModel model = runtime.active("risk-score");
    long boundMs = model.slo().latencyMs();
    ScoreCall call = new ScoreCall("risk-score", null, null, null, null, new float[12]);
    decide("nobody", call, 3, boundMs / 5);
    assertThat(answers(3)).containsOnly(Refusal.EXPIRED);
    assertThat(
            meters
                .get("apgms_ml_inference_requests")
                .tags("model", "risk-score", "version", model.version(), "outcome", "rejected")
                .counter()
                .count())
        .isEqualTo(3);
    assertThat(new BudgetReport(counted).next()).as("hurried").isEmpty();
    decide("nobody", call, 2, boundMs + 10);
    assertThat(answers(2)).containsOnly(Refusal.EXPIRED);
    assertThat(new BudgetReport(counted).next().get("risk-score").bad()).isEqualTo(2);
  }

  @Test
  void decide_withExplain_isDecidedWithContributionsThatSumUp() throws Exception {
    decide("stub", explained(), 2, 5_000);
    for (int i = 0; i < 2; i++) {
      Decided decided = decisions.poll(5, TimeUnit.SECONDS);
      assertThat(decided).isNotNull();
      Explanation explanation = decided.explanation();
      double sum = explanation.baseline();
      for (int j = 0; j < explanation.contributions().length; j++) {
        sum += explanation.contribution(j);
      }
      assertThat(sum).isCloseTo(decided.score(), within(1e-9));
    }
    assertThat(refusals).isEmpty();
  }

  @Test
  void decide_answered_isCountedForDriftAndARefusalIsNot() throws Exception {
    ScoreCall call = explained();
    decide("stub", call, 2, 5_000);
    for (int i = 0; i < 2; i++) {
      assertThat(decisions.poll(5, TimeUnit.SECONDS)).isNotNull();
    }
    decide("nobody", call, 1, 50);
    assertThat(answers(1)).containsOnly(Refusal.EXPIRED);
    Collection<InputCount> counts =
        counted.inputs().drain().toCompletionStage().toCompletableFuture().get(5, TimeUnit.SECONDS);
    assertThat(counts).hasSize(13); // the score and twelve features
    assertThat(counts).allSatisfy(c -> assertThat(Arrays.stream(c.cells()).sum()).isEqualTo(2));
  }

  @Test
  void decide_moreToExplainThanMayWait_isOverloaded() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    takeExplainer(release); // or a place may be free again before the last one comes
    decide("stub", explained(), Explanations.MAX_OPEN + 5, 20_000);
    assertThat(answers(5)).containsOnly(Refusal.OVERLOADED);
    release.countDown();
    for (int i = 0; i < Explanations.MAX_OPEN; i++) {
      assertThat(decisions.poll(10, TimeUnit.SECONDS)).isNotNull();
    }
    assertThat(refusals).isEmpty();
  }

  @Test
  void decide_explanationWaitsTooLong_isExpiredAndItsPlaceFreeAgain() throws Exception {
    ScoreCall call = explained();
    CountDownLatch release = new CountDownLatch(1);
    Future<Boolean> busy = takeExplainer(release);
    long start = System.nanoTime();
    decide("stub", call, Explanations.MAX_OPEN, 200);
    assertThat(answers(Explanations.MAX_OPEN)).containsOnly(Refusal.EXPIRED);
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(2));
    assertThat(busy.isComplete()).isFalse();
    release.countDown();
    decide("stub", call, 1, 10_000);
    assertThat(decisions.poll(10, TimeUnit.SECONDS)).isNotNull();
    assertThat(refusals).as("answered once").isEmpty();
    assertThat(decisions).isEmpty();
  }
}
