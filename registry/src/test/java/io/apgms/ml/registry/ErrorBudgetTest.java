package io.apgms.ml.registry;

import static io.apgms.ml.registry.ErrorBudget.BUCKET;
import static io.apgms.ml.registry.ErrorBudget.MIN_REQUESTS;
import static io.apgms.ml.registry.ErrorBudget.PERIOD;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.ErrorBudget.Used;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ErrorBudgetTest {
  private static final Instant NOW = Instant.parse("2026-11-24T08:03:00Z");
  private static final Instant BUCKET_OF_NOW = Instant.parse("2026-11-24T08:00:00Z");
  private static final double SLO = 0.999;

  private static Used used(long requests, long bad) {
    return new Used(requests, bad, requests * (1 - SLO));
  }

  private static ErrorBudget of(Map<Instant, Used> buckets) {
    ErrorBudget budget = new ErrorBudget();
    buckets.forEach(budget::put);
    return budget;
  }

  /** Forty days of a random service, with quiet buckets. */
  private static Map<Instant, Used> random(SplittableRandom random) {
    Map<Instant, Used> buckets = new TreeMap<>();
    for (int i = 0; i < 40 * 288; i++) {
      if (random.nextInt(3) > 0) {
        long requests = random.nextInt(50);
        long bad = random.nextInt(20) == 0 ? random.nextLong(requests + 1) : 0;
        buckets.put(BUCKET_OF_NOW.minus(BUCKET.multipliedBy(i)), used(requests, bad));
      }
    }
    return buckets;
  }

  @Test
  void remaining_byHand_isWhatTheSloLeaves() {
    ErrorBudget budget = of(Map.of(BUCKET_OF_NOW, used(20_000, 5)));
    assertThat(budget.remaining(NOW)).isCloseTo(0.75, within(1e-9));
    assertThat(budget.burnRate(Duration.ofHours(1), NOW)).isCloseTo(0.25, within(1e-9));
    budget.put(BUCKET_OF_NOW, used(20_000, 30));
    assertThat(budget.remaining(NOW)).isCloseTo(-0.5, within(1e-9));
    assertThat(budget.over(PERIOD, NOW).isSpent()).isTrue();
    assertThat(new ErrorBudget().remaining(NOW)).isEqualTo(1);
    assertThat(new ErrorBudget().burnRate(Duration.ofHours(1), NOW)).isZero();
  }

  @Test
  void remaining_fewerRequestsThanTheMinimum_isWhole() {
    ErrorBudget budget = of(Map.of(BUCKET_OF_NOW, used(MIN_REQUESTS - 1, MIN_REQUESTS - 1)));
    assertThat(budget.remaining(NOW)).isEqualTo(1);
    assertThat(budget.over(PERIOD, NOW).isSpent()).isFalse();
    assertThat(budget.burnRate(Duration.ofHours(1), NOW))
        .as("the rate is as it is")
        .isGreaterThan(999);
    budget.put(BUCKET_OF_NOW.minus(BUCKET), used(1, 0));
    assertThat(budget.over(PERIOD, NOW).isSpent()).isTrue();
  }

  /** Against the definition, bucket by bucket. */
  @Test
  void over_randomHistories_sumsWhatOverlapsTheWindowAndNothingElse() {
    SplittableRandom random = new SplittableRandom(20261124);
    for (int run = 0; run < 20; run++) {
      Map<Instant, Used> buckets = random(random);
      ErrorBudget budget = of(buckets);
      Instant now = BUCKET_OF_NOW.plusMillis(random.nextInt(300_000));
      Map<String, Duration> windows = new TreeMap<>(ErrorBudget.WINDOWS);
      windows.put("30d", PERIOD);
      for (Duration window : windows.values()) {
        long requests = 0;
        long bad = 0;
        for (Map.Entry<Instant, Used> b : buckets.entrySet()) {
          Instant end = b.getKey().plus(BUCKET);
          if (end.isAfter(now.minus(window))) {
            requests += b.getValue().requests();
            bad += b.getValue().bad();
          }
        }
        Used over = budget.over(window, now);
        assertThat(over.requests()).isEqualTo(requests);
        assertThat(over.bad()).isEqualTo(bad);
        double expected = requests == 0 ? 0 : bad / (requests * (1 - SLO));
        assertThat(over.burnRate()).isCloseTo(expected, within(1e-6));
      }
    }
  }

  /** More that is bad never leaves more, more that is good never less; what is spent says so. */
  @Test
  void remaining_randomHistories_isMonotone() {
    SplittableRandom random = new SplittableRandom(7);
    for (int run = 0; run < 1_000; run++) {
      long requests = MIN_REQUESTS + random.nextInt(100_000);
      long bad = random.nextLong(200);
      Used now = used(requests, bad);
      assertThat(now.plus(used(0, 1)).remaining()).isLessThan(now.remaining());
      if (bad > 0) {
        assertThat(now.plus(used(1, 0)).remaining()).isGreaterThan(now.remaining());
      }
      assertThat(now.remaining()).isLessThanOrEqualTo(1);
      assertThat(now.isSpent()).isEqualTo(bad >= requests * (1 - SLO));
      assertThat(now.isSpent()).isEqualTo(now.remaining() <= 0);
    }
  }

  /** At a steady rate all windows say the same, and burn 1 spends a period's budget to its end. */
  @Test
  void burnRate_steadyTraffic_isTheSameInEveryWindow() {
    Map<Instant, Used> buckets = new TreeMap<>();
    for (int i = 0; i < 31 * 288; i++) {
      buckets.put(BUCKET_OF_NOW.minus(BUCKET.multipliedBy(i)), used(1_000, 1));
    }
    ErrorBudget budget = of(buckets);
    for (Duration window : ErrorBudget.WINDOWS.values()) {
      assertThat(budget.burnRate(window, NOW)).isCloseTo(1, within(1e-6));
    }
    assertThat(budget.remaining(NOW)).isCloseTo(0, within(1e-6));
  }

  @Test
  void windows_asAlertsNeedThem() {
    assertThat(ErrorBudget.WINDOWS.keySet())
        .containsExactly("5m", "30m", "1h", "2h", "6h", "1d", "3d");
  }

  @Test
  void forget_whatNoWindowReaches_isDroppedAndChangesNothing() {
    ErrorBudget budget = of(random(new SplittableRandom(3)));
    Used before = budget.over(PERIOD, NOW);
    assertThat(budget.size()).isGreaterThan(30 * 288 * 2 / 3);
    budget.forget(NOW);
    assertThat(budget.over(PERIOD, NOW)).isEqualTo(before);
    assertThat(budget.size()).isLessThanOrEqualTo(30 * 288 + 2);
    budget.forget(NOW.plus(Duration.ofDays(31)));
    assertThat(budget.size()).isZero();
  }

  /** The database refuses by the same bounds what gets past the code. */
  @Test
  void bounds_ofTheMigrationAndOfTheReports_areTheCodes() throws IOException {
    String migration = "/db/registry/V4__error_budget.sql";
    try (InputStream in = ErrorBudgetTest.class.getResourceAsStream(migration)) {
      String sql = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      String reach = PERIOD.toHours() + " hours " + BUCKET.toMinutes() + " minutes";
      assertThat(sql).contains("requests >= " + MIN_REQUESTS + " ", "interval '" + reach + "'");
    }
  }
}
