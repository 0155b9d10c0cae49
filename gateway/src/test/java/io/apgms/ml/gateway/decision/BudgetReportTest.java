package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.gateway.decision.ModelMeters.SloCount;
import io.apgms.ml.registry.ErrorBudget.Used;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BudgetReportTest {
  private static final String[] VERSIONS = {"a1", "a2", "b1"};

  private final DecisionMeters meters =
      new DecisionMeters(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
  private final BudgetReport report = new BudgetReport(meters);

  private static long ms(long ms) {
    return TimeUnit.MILLISECONDS.toNanos(ms);
  }

  /** What the SLO defines, each kind once; a bound of 333 ms is no bucket of all models. */
  @Test
  void next_eachOutcome_countsAsTheSloSays() {
    ServedModel m = Answered.model("m", "1", 333);
    meters.of(m).observed(0, 1, ms(333)); // not over it
    meters.of(m).observed(0, 1, ms(334)); // late
    meters.of(m).observed(0, 1, ms(5));
    meters.refused(Refusal.OVERLOADED, m, "m", false); // bad
    meters.refused(Refusal.INVALID_OUTPUT, m, "m", false); // bad
    meters.refused(Refusal.EXPIRED, m, "m", false); // bad
    meters.refused(Refusal.EXPIRED, m, "m", true); // the caller's own haste: neither
    meters.refused(Refusal.NO_VERSION, m, "m", false); // the caller's
    meters.refused(Refusal.REQUEST_ID_REUSED, m, "m", true); // the caller's
    meters.noModel("m"); // bad, also after it was withdrawn
    meters.noModel("never-served");
    meters.noModel(null);
    meters.clientError();
    Used used = report.next().get("m");
    assertThat(used.requests()).isEqualTo(7);
    assertThat(used.bad()).isEqualTo(5);
    assertThat(used.allowed()).isCloseTo(0.07, within(1e-9));
    assertThat(report.next()).as("each once").isEmpty();
    meters.of(m).observed(0, 1, ms(400));
    assertThat(report.next()).isEqualTo(Map.of("m", new Used(1, 1, 1 - 0.99)));
  }

  @Test
  void next_versionsOfOneModel_areOneBudget_otherModelsHaveTheirs() {
    meters.of(Answered.model("m", "1", 100)).observed(0, 1, ms(50));
    meters.of(Answered.model("m", "2", 10)).observed(0, 1, ms(50));
    meters.of(Answered.model("n", "1", 100)).observed(0, 1, ms(50));
    Map<String, Used> used = report.next();
    assertThat(used.get("m").requests()).isEqualTo(2);
    assertThat(used.get("m").bad()).as("each by its own bound").isEqualTo(1);
    assertThat(used.get("n").bad()).isZero();
  }

  /** Refused unread: split by the shares of what was read, and kept while nothing was. */
  @Test
  void next_requestsOverTheLimit_goToTheModelsByTheirShares() {
    meters.limited();
    meters.limited();
    assertThat(report.next()).isEmpty();
    for (int i = 0; i < 3; i++) {
      meters.of(Answered.model("m", "1", 100)).observed(0, 1, ms(1));
    }
    meters.of(Answered.model("n", "1", 100)).observed(0, 1, ms(1));
    meters.limited();
    meters.limited();
    Map<String, Used> used = report.next();
    assertThat(used.get("m").requests()).isEqualTo(6);
    assertThat(used.get("m").bad()).isEqualTo(3);
    assertThat(used.get("n").requests()).isEqualTo(2);
    assertThat(used.get("n").bad()).isEqualTo(1);
  }

  /**
   * Readings that tear (a request is in one number and not yet in the other) are made up for: all
   * reports together are what was counted.
   */
  @Test
  void next_tornReadings_sumUpToTheCounts() {
    SplittableRandom random = new SplittableRandom(20261124);
    for (int run = 0; run < 200; run++) {
      BudgetReport reports = new BudgetReport(meters);
      Map<String, Used> sum = new java.util.TreeMap<>();
      long[][] counts = new long[VERSIONS.length][2];
      long limited = 0;
      int rounds = 1 + random.nextInt(30);
      for (int round = 0; round <= rounds; round++) {
        boolean last = round == rounds;
        List<SloCount> read = new ArrayList<>();
        for (int i = 0; i < VERSIONS.length; i++) {
          long more = last ? 1 : random.nextLong(50);
          counts[i][0] += more;
          counts[i][1] += random.nextLong(more + 1);
          long torn = last ? 0 : random.nextLong(3) - 1;
          long bad = Math.min(counts[i][0], Math.max(0, counts[i][1] + torn));
          String of = VERSIONS[i];
          read.add(new SloCount(of.substring(0, 1), of.substring(1), 0.999, counts[i][0], bad));
        }
        limited += last ? 0 : random.nextLong(20);
        for (Map.Entry<String, Used> e : reports.next(read, limited).entrySet()) {
          assertThat(e.getValue().bad()).isBetween(0L, e.getValue().requests());
          assertThat(e.getValue().allowed())
              .isCloseTo(e.getValue().requests() * 0.001, within(1e-6));
          sum.merge(e.getKey(), e.getValue(), Used::plus);
        }
      }
      long requests = sum.values().stream().mapToLong(Used::requests).sum();
      long bad = sum.values().stream().mapToLong(Used::bad).sum();
      assertThat(requests).isEqualTo(counts[0][0] + counts[1][0] + counts[2][0] + limited);
      long counted = counts[0][1] + counts[1][1] + counts[2][1] + limited;
      assertThat(bad)
          .as("what a torn reading counted too early")
          .isBetween(counted - 3, counted + 3);
    }
  }
}
