package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.SteadyRate.Answer;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Changes of the served version in the order in which they were made. */
final class Swaps {
  /** One change: asked for, acknowledged, and how long the service says that it took. */
  record Swap(long startNanos, long ackNanos, String to, long tookMs) {}

  private final List<Swap> swaps = new ArrayList<>();

  void add(Swap swap) {
    swaps.add(swap);
  }

  long medianMs() {
    return share(50);
  }

  String took() {
    return "p50 %d, p99 %d, most %d".formatted(share(50), share(99), share(100));
  }

  private long share(int percent) {
    List<Long> sorted = swaps.stream().map(Swap::tookMs).sorted().toList();
    return sorted.get(Math.min(sorted.size() - 1, sorted.size() * percent / 100));
  }

  /** The same, each taken for acknowledged when it was asked for: what no replica can keep. */
  Swaps believedAtOnce() {
    Swaps early = new Swaps();
    swaps.forEach(s -> early.add(new Swap(s.startNanos, s.startNanos, s.to, s.tookMs)));
    return early;
  }

  /**
   * Requests that were sent after a change was acknowledged and answered before the next one was
   * asked for, and name another version than that change's.
   */
  List<Answer> contradicting(List<Answer> answers) {
    List<Answer> wrong = new ArrayList<>();
    for (Answer answer : answers) {
      int last = -1;
      while (last + 1 < swaps.size() && swaps.get(last + 1).ackNanos <= answer.sentNanos()) {
        last++;
      }
      boolean alone =
          last >= 0
              && (last + 1 == swaps.size() || answer.doneNanos() < swaps.get(last + 1).startNanos);
      if (alone && answer.ok() && !answer.version().equals(swaps.get(last).to)) {
        wrong.add(answer);
      }
    }
    return wrong;
  }

  /** A version's name with the other one's score would be an answer of two versions. */
  static void assertOneScoreAVersion(List<Answer> answers) {
    Map<String, DoubleSummaryStatistics> scores =
        answers.stream()
            .filter(Answer::ok)
            .collect(
                Collectors.groupingBy(
                    Answer::version, Collectors.summarizingDouble(Answer::score)));
    assertThat(scores.keySet()).containsExactlyInAnyOrder(Replicas.OLD, Replicas.NEW);
    scores.values().forEach(s -> assertThat(s.getMax() - s.getMin()).isLessThan(2e-6));
    assertThat(Math.abs(scores.get(Replicas.OLD).getMax() - scores.get(Replicas.NEW).getMax()))
        .isGreaterThan(1e-5);
  }
}
