package io.apgms.ml.scoring;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BatchQueueTest {
  private static final int SLICE = TestModels.BATCH_ROWS;
  private static final long NOW = 1_000;
  private static final long LATER = 2_000;

  private final List<ScoredBatch> answers = new ArrayList<>();
  private final ScoringRuntime runtime = TestModels.runtime();
  private BatchQueue queue;

  @BeforeEach
  void open() {
    runtime.prepare(TestModels.tiny(TestModels.OLD, TestModels.IDENTITY));
    runtime.prepare(TestModels.tiny(TestModels.NEW, "return torch.select(1. - input, 1, 0) - 0.5"));
    runtime.activate(TestModels.TINY, TestModels.OLD);
    queue = new BatchQueue(1, SLICE, runtime.forBatches(), done -> answers.add(done.batch()));
  }

  @AfterEach
  void close() {
    queue.close();
  }

  private static ScoreBatch batch(long id, String version, float... rows) {
    return new ScoreBatch(id, "sender", TestModels.TINY, version, rows, rows.length, LATER);
  }

  private static float[] rows(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] rows = new float[count];
    for (int i = 0; i < count; i++) {
      rows[i] = random.nextInt(1_000) / 1_000f;
    }
    return rows;
  }

  private int drain(long now) {
    int turns = 1;
    while (queue.drain(now)) {
      turns++;
    }
    return turns;
  }

  @Test
  void drain_anyBatches_scoreEveryRowOfEachInOrder() {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 200; round++) {
      answers.clear();
      List<float[]> sent = new ArrayList<>();
      int turns = 0;
      for (int i = 0; i < 1 + random.nextInt(4); i++) {
        float[] rows = rows(1 + random.nextInt(5 * SLICE), random.nextLong());
        sent.add(rows);
        turns += (rows.length + SLICE - 1) / SLICE;
        assertThat(queue.offer(batch(i, null, rows))).isEqualTo(i == 0);
      }
      assertThat(drain(NOW)).isEqualTo(turns);
      assertThat(queue.queuedRows()).isZero();
      assertThat(answers).hasSameSizeAs(sent);
      for (int i = 0; i < sent.size(); i++) {
        assertThat(answers.get(i).id()).isEqualTo(i);
        assertThat(answers.get(i).outcome()).isEqualTo(Outcome.SCORED);
        assertThat(answers.get(i).scores()).isEqualTo(rounded(sent.get(i)));
      }
    }
  }

  private static double[] rounded(float[] rows) {
    double[] scores = new double[rows.length];
    Arrays.setAll(scores, i -> ScoringRuntime.rounded(rows[i]));
    return scores;
  }

  @Test
  void drain_versionChangesBetweenSlices_oneVersionScoresTheBatch() {
    queue.offer(batch(1, null, rows(3 * SLICE, 1)));
    queue.drain(NOW);
    runtime.activate(TestModels.TINY, TestModels.NEW);
    runtime.retain(TestModels.TINY, java.util.Set.of());
    drain(NOW);
    assertThat(answers.get(0).scores()).isEqualTo(rounded(rows(3 * SLICE, 1)));
    assertThat(answers.get(0).model().version()).isEqualTo(TestModels.OLD);
  }

  @Test
  void drain_versionNamed_scoresWithIt() {
    queue.offer(batch(1, TestModels.NEW, 0.2f));
    drain(NOW);
    assertThat(answers.get(0).scores()).containsExactly(0.3);
  }

  @Test
  void drain_pastDeadlineBetweenSlices_isExpired() {
    queue.offer(batch(1, null, rows(3 * SLICE, 1)));
    queue.drain(NOW);
    drain(LATER);
    assertThat(answers.get(0).outcome()).isEqualTo(Outcome.EXPIRED);
    assertThat(answers.get(0).scores()).isEmpty();
  }

  @Test
  void drain_oneBadScore_noRowCounts() {
    float[] rows = rows(2 * SLICE, 1);
    rows[SLICE + 3] = 1.5f;
    queue.offer(batch(1, null, rows));
    drain(NOW);
    assertThat(answers.get(0).outcome()).isEqualTo(Outcome.INVALID_OUTPUT);
  }

  @Test
  void offer_overTheBound_isRefusedAndTheRestIsScored() {
    float[] most = new float[BatchQueue.MIN_QUEUED_ROWS];
    assertThat(queue.offer(batch(1, null, most))).isTrue();
    assertThat(queue.offer(batch(2, null, 0.5f))).isFalse();
    assertThat(answers.get(0).outcome()).isEqualTo(Outcome.OVERLOADED);
    drain(NOW);
    assertThat(answers.get(1).outcome()).isEqualTo(Outcome.SCORED);
    assertThat(queue.offer(batch(3, null, 0.5f))).isTrue();
  }

  @Test
  void drain_unknownTargets_sayWhich() {
    queue.offer(batch(1, "20200101", 0.5f));
    queue.offer(new ScoreBatch(2, "sender", "other", null, new float[] {1}, 1, LATER));
    drain(NOW);
    runtime.revoke(Map.of(TestModels.TINY, Set.of("20200102")));
    queue.offer(batch(3, "20200102", 0.5f));
    drain(NOW);
    assertThat(answers)
        .extracting(ScoredBatch::outcome)
        .containsExactly(Outcome.NO_VERSION, Outcome.NO_MODEL, Outcome.REVOKED);
  }

  @Test
  void drain_tooFewValues_isFailedNotReadBeyond() {
    queue.offer(new ScoreBatch(1, "sender", TestModels.TINY, null, new float[1], 2, LATER));
    drain(NOW);
    assertThat(answers.get(0).outcome()).isEqualTo(Outcome.FAILED);
  }
}
