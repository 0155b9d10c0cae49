package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.scoring.Elsewhere;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SentChunkTest {
  private static List<Pending> tick(int rows) {
    return IntStream.range(0, rows)
        .mapToObj(i -> Waiting.of(i % 2 == 0 ? "even" : "odd", false, i))
        .toList();
  }

  @Test
  void split_toOwnModels_isOneChunk() {
    List<Pending> tick = tick(500);
    assertThat(SentChunk.split(tick, false)).containsExactly(tick);
  }

  @Test
  void split_toOthers_isSmallChunksOfOneModelEachInTheOrderOfTheTick() {
    List<Pending> tick = tick(2 * Elsewhere.MOST_ROWS + 2);
    List<List<Pending>> chunks = SentChunk.split(tick, true);
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
