package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.scoring.Elsewhere;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SentChunkTest {
  private static final Elsewhere ELSEWHERE =
      new Elsewhere() {
        @Override
        public boolean serves(String modelId, String version, String digest) {
          return true;
        }

        @Override
        public boolean servesEverywhere(String modelId, String version, String digest) {
          return true;
        }

        @Override
        public Future<ExplainResult> explain(
            ServedModel model, float[] row, double score, long deadlineNanos) {
          return Future.failedFuture("not here");
        }
      };

  private static List<Pending> tick(int rows) {
    Reply none =
        new Reply() {
          @Override
          public void decided(Decided decided) {}

          @Override
          public void refused(Refusal why, UUID predictionId) {}
        };
    List<Pending> tick = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      String model = i % 2 == 0 ? "even" : "odd";
      tick.add(
          new Pending(
              new ScoreCall(model, null, null, null, null, new float[] {i}, false),
              new Terms(null, i, i + 1, null, null),
              none));
    }
    return tick;
  }

  @Test
  void split_toOwnModels_isOneChunk() {
    List<Pending> tick = tick(500);
    assertThat(SentChunk.split(tick, null)).containsExactly(tick);
  }

  @Test
  void split_toOthers_isSmallChunksOfOneModelEachInTheOrderOfTheTick() {
    List<Pending> tick = tick(2 * Elsewhere.MOST_ROWS + 2);
    List<List<Pending>> chunks = SentChunk.split(tick, ELSEWHERE);
    assertThat(chunks).extracting(List::size).containsExactly(64, 64, 1, 1);
    assertThat(chunks)
        .allMatch(c -> c.stream().map(p -> p.call.modelId()).distinct().count() == 1)
        .allSatisfy(c -> assertThat(c).isSubsetOf(tick))
        .allSatisfy(c -> assertThat(c).isSortedAccordingTo(SentChunkTest::byArrival));
    assertThat(chunks.stream().flatMap(List::stream)).doesNotHaveDuplicates().hasSize(tick.size());
  }

  private static int byArrival(Pending a, Pending b) {
    return Long.compare(a.terms.arrivedNanos(), b.terms.arrivedNanos());
  }
}
