package io.apgms.ml.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BatcherTest {
  private static final int SEEDS = 5_000;
  private static final long NOW = 1_000;
  private static final long LATER = 2_000;

  private final List<List<Float>> batches = new ArrayList<>();
  private final List<String> targets = new ArrayList<>();
  private final List<ScoredChunk> answers = new ArrayList<>();
  private final Batcher batcher =
      new Batcher(
          4,
          3,
          (model, version, rows) -> {
            targets.add(model + "/" + version);
            batches.add(rows.stream().map(row -> row.request().row()[0]).toList());
            rows.forEach(row -> row.set(score(row.request().row()[0])));
          },
          done -> answers.add(done.chunk()));

  private static ScoreResult score(double value) {
    return new ScoreResult(Outcome.SCORED, value, null);
  }

  private static ScoreRequest row(double value, long deadlineNanos) {
    return new ScoreRequest("m", null, new float[] {(float) value}, deadlineNanos);
  }

  private static ScoreChunk chunk(long id, ScoreRequest... requests) {
    return new ScoreChunk(id, "sender", requests);
  }

  private static List<Outcome> outcomes(ScoredChunk chunk) {
    return Stream.of(chunk.results()).map(ScoreResult::outcome).toList();
  }

  @Test
  void drain_anySchedule_answersEveryRowOnceInOrder() {
    Map<Outcome, Integer> seen = new EnumMap<>(Outcome.class);
    for (long seed = 0; seed < SEEDS; seed++) {
      BatcherSchedule schedule = new BatcherSchedule(seed, BatcherSchedule.Fault.NONE);
      assertThat(schedule.violation()).as("seed %d", seed).isNull();
      schedule.outcomes().forEach(outcome -> seen.merge(outcome, 1, Integer::sum));
    }
    assertThat(seen)
        .containsOnlyKeys(Outcome.SCORED, Outcome.EXPIRED, Outcome.OVERLOADED, Outcome.FAILED)
        .allSatisfy((outcome, rows) -> assertThat(rows).isGreaterThan(SEEDS));
  }

  /** The same property finds every planted fault; a property that cannot fail proves nothing. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void drain_plantedFault_breaksTheProperty(BatcherSchedule.Fault fault) {
    List<String> violations = new ArrayList<>();
    for (long seed = 0; seed < SEEDS && violations.isEmpty(); seed++) {
      String violation = new BatcherSchedule(seed, fault).violation();
      if (violation != null) {
        violations.add(violation);
      }
    }
    assertThat(violations).singleElement().asString().contains(fault.symptom());
  }

  @Test
  void offer_first_asksForOneDrain() {
    assertThat(batcher.offer(chunk(1, row(0.1, LATER)))).isTrue();
    assertThat(batcher.offer(chunk(2, row(0.2, LATER)))).as("one is owed already").isFalse();
    assertThat(batcher.drain(NOW)).isFalse();
    assertThat(batcher.offer(chunk(3, row(0.3, LATER)))).as("none is owed now").isTrue();
    assertThat(batches).containsExactly(List.of(0.1f, 0.2f));
  }

  @Test
  void offer_overTheBound_isOverloadedAtOnceAndLeavesTheRestAlone() {
    batcher.offer(chunk(1, row(0.1, LATER), row(0.2, LATER), row(0.3, LATER)));
    assertThat(batcher.offer(chunk(2, row(0.4, LATER), row(0.5, LATER)))).isFalse();
    assertThat(answers).singleElement().extracting(ScoredChunk::id).isEqualTo(2L);
    assertThat(outcomes(answers.get(0))).containsOnly(Outcome.OVERLOADED).hasSize(2);
    assertThat(batcher.queuedRows()).isEqualTo(3);
    batcher.offer(chunk(3, row(0.6, LATER)));
    assertThat(batcher.queuedRows()).as("the bound itself is reached").isEqualTo(4);
    assertThat(batcher.drain(NOW)).isTrue();
    assertThat(batcher.drain(NOW)).isFalse();
    assertThat(answers).extracting(ScoredChunk::id).containsExactly(2L, 1L, 3L);
  }

  @Test
  void drain_overSeveralBatches_saysWhenTheFirstBeganAndHowLargeTheLargestWas() {
    batcher.offer(chunk(1, row(0.1, LATER), row(0.2, LATER)));
    batcher.offer(chunk(2, row(0.3, LATER), row(0.4, LATER)));
    batcher.drain(NOW);
    batcher.drain(NOW + 5);
    assertThat(answers).extracting(ScoredChunk::id).containsExactly(1L, 2L);
    assertThat(answers).extracting(ScoredChunk::startedNanos).containsExactly(NOW, NOW);
    assertThat(answers).extracting(ScoredChunk::batchRows).containsExactly(3, 3);
  }

  @Test
  void drain_nothingInTime_tookNoRowToTheModel() {
    batcher.offer(chunk(1, row(0.1, NOW)));
    batcher.drain(NOW);
    assertThat(answers).extracting(ScoredChunk::batchRows).containsExactly(0);
  }

  @Test
  void offer_largerThanTheQueue_neverOwesADrain() {
    ScoreRequest one = row(0.1, LATER);
    assertThat(batcher.offer(chunk(1, one, one, one, one, one))).isFalse();
    assertThat(outcomes(answers.get(0))).containsOnly(Outcome.OVERLOADED).hasSize(5);
    assertThat(batcher.offer(chunk(2, one))).as("a refusal owes nothing").isTrue();
  }

  @Test
  void offer_withoutRows_isAnsweredAtOnce() {
    assertThat(batcher.offer(chunk(7))).isFalse();
    assertThat(answers).singleElement().extracting(ScoredChunk::id).isEqualTo(7L);
    assertThat(answers.get(0).results()).isEmpty();
  }

  @Test
  void drain_chunkOverABatch_isAnsweredOnceWhenWhole() {
    ScoreRequest[] rows = {row(0.1, LATER), row(0.2, LATER), row(0.3, LATER), row(0.4, LATER)};
    batcher.offer(chunk(1, rows));
    assertThat(batcher.drain(NOW)).isTrue();
    assertThat(answers).isEmpty();
    assertThat(batcher.drain(NOW)).isFalse();
    assertThat(batches).containsExactly(List.of(0.1f, 0.2f, 0.3f), List.of(0.4f));
    assertThat(answers).hasSize(1);
    assertThat(answers.get(0).results())
        .extracting(result -> (float) result.score())
        .containsExactly(0.1f, 0.2f, 0.3f, 0.4f);
  }

  @Test
  void drain_atTheDeadline_isExpiredAndNotScored() {
    batcher.offer(chunk(1, row(0.1, NOW), row(0.2, NOW + 1), row(0.3, NOW - 1)));
    batcher.drain(NOW);
    assertThat(batches).containsExactly(List.of(0.2f));
    assertThat(outcomes(answers.get(0)))
        .containsExactly(Outcome.EXPIRED, Outcome.SCORED, Outcome.EXPIRED);
  }

  @Test
  void drain_nothingButExpired_doesNotRunTheModel() {
    batcher.offer(chunk(1, row(0.1, NOW), row(0.2, NOW)));
    assertThat(batcher.drain(NOW)).isFalse();
    assertThat(batches).isEmpty();
    assertThat(outcomes(answers.get(0))).containsOnly(Outcome.EXPIRED);
  }

  @Test
  void drain_clockPastItsLargestValue_expiresByDifference() {
    long beforeWrap = Long.MAX_VALUE - 1;
    batcher.offer(chunk(1, row(0.1, beforeWrap + 10), row(0.2, beforeWrap)));
    batcher.drain(beforeWrap + 5); // negative by now, and so is the first deadline
    assertThat(outcomes(answers.get(0))).containsExactly(Outcome.SCORED, Outcome.EXPIRED);
  }

  @Test
  void drain_severalVersions_eachGetsItsOwnBatch() {
    float[] value = {0.5f};
    batcher.offer(
        chunk(
            1,
            new ScoreRequest("m", null, value, LATER),
            new ScoreRequest("m", "20261116", value, LATER),
            new ScoreRequest("n", null, value, LATER)));
    batcher.offer(chunk(2, new ScoreRequest("m", null, value, LATER)));
    batcher.drain(NOW);
    batcher.drain(NOW);
    assertThat(targets).containsExactly("m/null", "m/20261116", "n/null", "m/null");
  }

  @Test
  void drain_scorerLeavesARow_isFailed() {
    Batcher forgetful =
        new Batcher(4, 3, (model, version, rows) -> {}, done -> answers.add(done.chunk()));
    forgetful.offer(chunk(1, row(0.1, LATER)));
    forgetful.drain(NOW);
    assertThat(outcomes(answers.get(0))).containsExactly(Outcome.FAILED);
  }

  @Test
  void set_secondTime_isRefused() {
    List<Batcher.Row> kept = new ArrayList<>();
    Batcher keeping = new Batcher(4, 3, (model, version, rows) -> kept.addAll(rows), done -> {});
    keeping.offer(chunk(1, row(0.1, LATER)));
    keeping.drain(NOW);
    assertThatThrownBy(() -> kept.get(0).set(score(0.1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("row 0");
  }
}
