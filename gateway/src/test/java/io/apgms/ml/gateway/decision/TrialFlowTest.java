package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.feedback.FeedbackException;
import io.apgms.ml.feedback.PairStore;
import io.apgms.ml.feedback.TrialPair;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.Flag;
import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.registry.TrialBounds;
import io.apgms.ml.scoring.ApartModel;
import io.apgms.ml.scoring.ScoreChunk;
import io.apgms.ml.scoring.ScoreResult;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoredChunk;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.junit5.VertxExtension;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Which version answers while one is on trial, and what is compared behind the answer. */
@ExtendWith(VertxExtension.class)
class TrialFlowTest {
  private static final ArtifactStore STORE =
      ArtifactStore.withoutSignatures(Path.of("../artifacts/models"));
  private static final String MODEL = "risk-score";
  private static final String ACTIVE = "20261123";
  private static final String SECOND = "20261116";

  /** Everybody's. */
  private static final Flag CANARY =
      new Flag() {
        @Override
        public Word said(FlagContext context) {
          return Word.ACT;
        }

        @Override
        public boolean canAct() {
          return true;
        }
      };

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final ScoringRuntime runtime = new ScoringRuntime(8, meters);
  private final DecisionModes modes = new DecisionModes(null);
  private final TrialBoard board = new TrialBoard();
  private final BlockingQueue<TrialPair> stored = new LinkedBlockingQueue<>();
  private final BlockingQueue<Decided> decisions = new LinkedBlockingQueue<>();
  private final BlockingQueue<Refusal> refusals = new LinkedBlockingQueue<>();
  private final AtomicInteger failures = new AtomicInteger();
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private ShadowScoring shadow;
  private ServedModel active;
  private float[] row;
  private Vertx vertx;
  private Context context;

  @BeforeEach
  void serve(Vertx vertx) throws Exception {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    active = runtime.prepare(STORE.load(MODEL, ACTIVE));
    runtime.activate(MODEL, ACTIVE);
    row = active.golden().get(0).toTensor(active.features());
    vertx
        .deployVerticle(new ScoringVerticle(runtime, 8_192))
        .toCompletionStage()
        .toCompletableFuture()
        .get(10, TimeUnit.SECONDS);
    modes.canary().fetched(CANARY, System.nanoTime());
    shadow = new ShadowScoring(new Kept(), meters).start();
  }

  @AfterEach
  void stop() throws Exception {
    gate.countDown();
    shadow.close();
  }

  private final class Kept implements PairStore {
    @Override
    public void store(UUID trial, List<TrialPair> pairs, long dropped) {
      try {
        if (!gate.await(20, TimeUnit.SECONDS)) {
          throw new IllegalStateException("not opened");
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      if (failures.getAndDecrement() > 0) {
        throw new FeedbackException.Unavailable("away", null);
      }
      stored.addAll(pairs);
    }

    @Override
    public void close() {}
  }

  /** A trial of the second version, on the board. */
  private LiveTrial trial(Trial.Kind kind) {
    ApartModel second = ApartModel.load(STORE.load(MODEL, SECOND));
    String digest = second.model().digest();
    ApartModel other = second;
    if (kind == Trial.Kind.canary) {
      second.close();
      other = ApartModel.load(STORE.load(MODEL, ACTIVE));
    }
    Instant now = Instant.now();
    Trial trial =
        new Trial(
            UUID.randomUUID(),
            MODEL,
            1,
            kind,
            SECOND,
            digest,
            ACTIVE,
            active.digest(),
            null,
            TrialBounds.DEFAULT,
            "dora",
            now,
            now.plus(TrialBounds.DEFAULT.limit()),
            "try it",
            UUID.randomUUID(),
            Trial.State.running,
            null);
    LiveTrial live = new LiveTrial(trial, other, shadow);
    board.show(Map.of(MODEL, live), System.nanoTime());
    return live;
  }

  private ScoreCall call(String version, String entity) {
    return new ScoreCall(MODEL, version, null, entity, null, row);
  }

  private void decide(String address, ScoreCall call, int times) {
    context.runOnContext(
        v -> {
          DecisionFlow flow =
              new DecisionFlow(
                  vertx,
                  context,
                  address,
                  new DecisionFlow.Parts(
                      runtime,
                      modes,
                      null,
                      new ActionCap(1, ActionCap.Watch.NONE),
                      board,
                      new DecisionMeters(meters)),
                  new LoopLimit(Runnable::run, 0));
          long now = System.nanoTime();
          long deadline = now + TimeUnit.SECONDS.toNanos(10);
          for (int i = 0; i < times; i++) {
            flow.decide(call, new Terms(null, now, deadline, null, null), new Recorded());
          }
        });
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

  private Decided answered() throws InterruptedException {
    Decided decided = decisions.poll(10, TimeUnit.SECONDS);
    assertThat(decided).as("refused: %s", refusals).isNotNull();
    return decided;
  }

  private TrialPair compared() throws InterruptedException {
    TrialPair pair = stored.poll(10, TimeUnit.SECONDS);
    assertThat(pair).isNotNull();
    return pair;
  }

  @Test
  void shadow_isScoredBehindTheActiveVersionsAnswer() throws Exception {
    LiveTrial live = trial(Trial.Kind.shadow);
    decide(ScoringVerticle.ADDRESS, call(null, null), 1);
    Decided decided = answered();
    assertThat(decided.modelVersion()).isEqualTo(ACTIVE);
    TrialPair pair = compared();
    assertThat(pair.predictionId()).isEqualTo(decided.id());
    assertThat(pair.baseScore()).isEqualTo(decided.score());
    assertThat(pair.secondScore()).isEqualTo(live.other().score(List.of(row))[0]);
    assertThat(pair.secondScore()).isNotEqualTo(pair.baseScore());
  }

  @Test
  void canary_answersAndTheActiveVersionIsScoredBehindIt() throws Exception {
    runtime.prepare(STORE.load(MODEL, SECOND));
    trial(Trial.Kind.canary);
    decide(ScoringVerticle.ADDRESS, call(null, "e1"), 1);
    Decided decided = answered();
    assertThat(decided.modelVersion()).isEqualTo(SECOND);
    TrialPair pair = compared();
    assertThat(pair.secondScore()).isEqualTo(decided.score());
    assertThat(pair.baseScore()).isCloseTo(active.golden().get(0).score(), within(2e-6));
  }

  @Test
  void canary_withoutAnEntityOrByName_isNoPartOfTheTrial() throws Exception {
    runtime.prepare(STORE.load(MODEL, SECOND));
    trial(Trial.Kind.canary);
    decide(ScoringVerticle.ADDRESS, call(null, null), 1);
    assertThat(answered().modelVersion()).isEqualTo(ACTIVE);
    decide(ScoringVerticle.ADDRESS, call(SECOND, "e1"), 1);
    assertThat(answered().modelVersion()).isEqualTo(SECOND);
    decide(ScoringVerticle.ADDRESS, call(null, "e1"), 1); // the mark: all before it was compared
    UUID marked = answered().id();
    assertThat(compared().predictionId()).isEqualTo(marked);
    assertThat(stored).isEmpty();
  }

  @Test
  void canary_boardReadLongAgo_isNobodys() throws Exception {
    runtime.prepare(STORE.load(MODEL, SECOND));
    LiveTrial live = trial(Trial.Kind.canary);
    board.show(Map.of(MODEL, live), System.nanoTime() - TrialBoard.LEASE_NANOS - 1);
    decide(ScoringVerticle.ADDRESS, call(null, "e1"), 1);
    assertThat(answered().modelVersion()).isEqualTo(ACTIVE);
  }

  /** As where a rollback has taken it away between the choice and the score. */
  @Test
  void canary_gone_costsNoRequest() throws Exception {
    trial(Trial.Kind.canary);
    decide(ScoringVerticle.ADDRESS, call(null, "e1"), 50);
    for (int i = 0; i < 50; i++) {
      assertThat(answered().modelVersion()).isEqualTo(ACTIVE);
    }
    assertThat(refusals).isEmpty();
  }

  @Test
  void canary_withoutAScore_isAnsweredByTheActiveVersionAndCountsAgainstIt() throws Exception {
    trial(Trial.Kind.canary);
    ServedModel second = runtime.prepare(STORE.load(MODEL, SECOND));
    vertx
        .eventBus()
        .<ScoreChunk>localConsumer(
            "stub",
            message -> {
              ScoreChunk chunk = message.body();
              boolean canary = SECOND.equals(chunk.requests()[0].version());
              ScoreResult result =
                  canary
                      ? new ScoreResult(Outcome.INVALID_OUTPUT, 0, second)
                      : new ScoreResult(Outcome.SCORED, 0.25, active);
              vertx
                  .eventBus()
                  .send(
                      chunk.replyTo(),
                      new ScoredChunk(chunk.id(), new ScoreResult[] {result}),
                      new DeliveryOptions().setLocalOnly(true));
            });
    decide("stub", call(null, "e1"), 1);
    assertThat(answered().score()).isEqualTo(0.25);
    TrialPair pair = compared();
    assertThat(pair.secondScore()).isNaN();
    assertThat(pair.baseScore()).isEqualTo(0.25);
    assertThat(refusals).isEmpty();
  }

  @Test
  void shadow_storeAway_waitsAndIsStoredOnceItIsBack() throws Exception {
    failures.set(2);
    trial(Trial.Kind.shadow);
    decide(ScoringVerticle.ADDRESS, call(null, null), 3);
    for (int i = 0; i < 3; i++) {
      answered();
    }
    for (int i = 0; i < 3; i++) {
      compared();
    }
  }

  /** The control of the bound: a store that hangs holds up no answer, and what is too much goes. */
  @Test
  void shadow_storeThatHangs_dropsAndCountsAndHoldsUpNobody() throws Exception {
    gate = new CountDownLatch(1);
    trial(Trial.Kind.shadow);
    int all = ShadowScoring.MAX_WAITING + 4_096;
    for (int sent = 0; sent < all; sent += 4_096) {
      decide(ScoringVerticle.ADDRESS, call(null, null), 4_096);
      for (int i = 0; i < 4_096; i++) {
        answered();
      }
    }
    assertThat(refusals).isEmpty();
    double dropped = meters.get("apgms_ml_trial_dropped").counter().count();
    assertThat(dropped).isBetween(1.0, 4_096.0);
  }
}
