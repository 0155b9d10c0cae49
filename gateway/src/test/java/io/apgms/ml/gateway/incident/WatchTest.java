package io.apgms.ml.gateway.incident;

import static io.apgms.ml.gateway.incident.Planted.NEW;
import static io.apgms.ml.gateway.incident.Planted.OLD;
import static io.apgms.ml.gateway.incident.Planted.START;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.incident.Watch.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

/** A watch that passes, and one that does not for each of its checks. */
class WatchTest {
  private static final Instant END = START.plus(Watch.LENGTH);
  private static final Bounds BOUNDS = Bounds.of(250, 0.999, false);

  private static Figures figures(double requests, double failed, double late, double reviews) {
    return new Figures(START, END, requests, failed, late, 12, 40, requests, reviews, 0, Map.of());
  }

  /** What is judged; each part can be replaced. */
  private static final class Night {
    private Figures after = figures(50_000, 10, 10, 5_000);
    private Figures before = figures(50_000, 10, 10, 5_200);
    private final Map<Series, List<Track>> tracks = new EnumMap<>(Series.class);
    private LabelCounts labels = new LabelCounts(Map.of("FALSE_POSITIVE", 20L), false);
    private Deployed.Revision next;

    Night() {
      over(Series.BUDGET, i -> 0.95 - i * 0.0001);
      over(Series.SCORE_DRIFT, i -> 0.05, "version", NEW);
      over(Series.SCORE_BOUND, i -> 0.1, "version", NEW);
    }

    Night over(Series series, IntToDoubleFunction value, String... labels) {
      Map<String, String> names = new TreeMap<>();
      for (int i = 0; i < labels.length; i += 2) {
        names.put(labels[i], labels[i + 1]);
      }
      NavigableMap<Instant, Double> points = new TreeMap<>();
      for (int i = 0; i <= 144; i++) { // ten minutes apart
        if (!Double.isNaN(value.applyAsDouble(i))) {
          points.put(START.plusSeconds(600L * i), value.applyAsDouble(i));
        }
      }
      tracks.put(series, new ArrayList<>(List.of(new Track(names, points))));
      return this;
    }

    Watch.Material material() {
      Grid grid = new Grid(START, END, Duration.ofMinutes(10), Duration.ofMinutes(10));
      return new Watch.Material(
          "risk-score",
          new Deployed.Revision(3, NEW, Change.Kind.promote, START, OLD, "MLAPPROVAL-1", "id"),
          END,
          BOUNDS,
          after,
          before,
          new Reading(grid, tracks),
          labels,
          new LabelCounts(Map.of("FALSE_POSITIVE", 10L, "TRUE_POSITIVE", 90L), false),
          next,
          List.of());
    }

    Map<String, Outcome> outcomes() {
      Map<String, Outcome> outcomes = new TreeMap<>();
      Watch.checks(material()).forEach(c -> outcomes.put(c.name(), c.outcome()));
      return outcomes;
    }

    Outcome outcome() {
      return Watch.outcome(Watch.checks(material()));
    }
  }

  @Test
  void checks_ofAQuietDay_pass() {
    Night night = new Night();
    night.labels = new LabelCounts(Map.of("FALSE_POSITIVE", 12L, "TRUE_POSITIVE", 88L), false);
    assertThat(night.outcomes())
        .hasSize(9)
        .allSatisfy((n, o) -> assertThat(o).isEqualTo(Outcome.pass));
    assertThat(WatchReport.markdown(night.material(), Watch.checks(night.material())))
        .contains("# Watch of risk-score, revision 3: pass", "| slo | pass |");
  }

  @Test
  void checks_fewLabelsOrRowsAlone_doNotHoldItUp() {
    Night night = new Night();
    night.over(Series.SCORE_DRIFT, i -> Double.NaN, "version", NEW);
    assertThat(night.outcomes())
        .containsEntry("labels", Outcome.inconclusive)
        .containsEntry("drift", Outcome.inconclusive);
    assertThat(night.outcome()).isEqualTo(Outcome.pass);
  }

  @Test
  void checks_fewRequests_areInconclusive() {
    Night night = new Night();
    night.after = figures(999, 0, 0, 100);
    assertThat(night.outcomes())
        .containsEntry("slo", Outcome.inconclusive)
        .containsEntry("errors", Outcome.inconclusive)
        .containsEntry("reviews", Outcome.inconclusive);
    assertThat(night.outcome()).isEqualTo(Outcome.inconclusive);
    night.after = figures(50_000, 10, 10, 5_000);
    night.before = figures(10, 0, 0, 1);
    assertThat(night.outcomes())
        .containsEntry("slo", Outcome.pass)
        .containsEntry("errors", Outcome.inconclusive);
  }

  @Test
  void checks_eachFault_failsItsOwn() {
    Night slo = new Night();
    slo.after = figures(50_000, 26, 26, 5_000);
    assertThat(failed(slo)).contains("slo");
    Night errors = new Night();
    errors.after = figures(50_000, 40, 0, 5_000);
    assertThat(failed(errors)).containsExactly("errors");
    Night latency = new Night();
    latency.after = figures(50_000, 0, 45, 5_000);
    assertThat(failed(latency)).containsExactly("latency");
    Night reviews = new Night();
    reviews.after = figures(50_000, 10, 10, 11_000);
    assertThat(failed(reviews)).containsExactly("reviews");
    Night drift = new Night();
    drift.over(Series.SCORE_DRIFT, i -> i >= 40 && i <= 52 ? 0.2 : 0.05, "version", NEW);
    assertThat(failed(drift)).containsExactly("drift");
    drift.over(Series.SCORE_DRIFT, i -> i >= 40 && i <= 51 ? 0.2 : 0.05, "version", NEW);
    assertThat(failed(drift)).as("ten minutes short of two hours").isEmpty();
    Night labels = new Night();
    labels.labels = new LabelCounts(Map.of("FALSE_POSITIVE", 60L, "TRUE_POSITIVE", 40L), false);
    assertThat(failed(labels)).containsExactly("labels");
    Night budget = new Night();
    budget.over(Series.BUDGET, i -> 0.95 - i * 0.001);
    assertThat(failed(budget)).containsExactly("budget");
    Night alerts = new Night();
    alerts.over(Series.ALERTS, i -> i == 30 ? 1 : Double.NaN, "alertname", "A", "severity", "page");
    assertThat(failed(alerts)).containsExactly("alerts");
    alerts.over(
        Series.ALERTS, i -> i == 30 ? 1 : Double.NaN, "alertname", "A", "severity", "ticket");
    assertThat(failed(alerts)).isEmpty();
    Night left = new Night();
    left.next =
        new Deployed.Revision(
            4, OLD, Change.Kind.rollback, START.plusSeconds(3_600), NEW, null, "id");
    assertThat(failed(left)).containsExactly("serving");
    assertThat(left.outcome()).isEqualTo(Outcome.fail);
  }

  private static List<String> failed(Night night) {
    return night.outcomes().entrySet().stream()
        .filter(e -> e.getValue() == Outcome.fail)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Chance alone fails the comparison of errors and of latency seldom. */
  @Test
  void checks_ofEqualDays_seldomFail() {
    int wrong = 0;
    for (int seed = 0; seed < 2_000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Night night = new Night();
      night.after = figures(20_000, poisson(random, 8), poisson(random, 8), 2_000);
      night.before = figures(20_000, poisson(random, 8), poisson(random, 8), 2_000);
      Map<String, Outcome> outcomes = night.outcomes();
      wrong += outcomes.get("errors") == Outcome.fail ? 1 : 0;
      wrong += outcomes.get("latency") == Outcome.fail ? 1 : 0;
    }
    assertThat(wrong).as("of 4,000 comparisons").isLessThan(20);
  }

  private static double poisson(SplittableRandom random, double mean) {
    double product = random.nextDouble();
    int count = 0;
    while (product > Math.exp(-mean)) {
      product *= random.nextDouble();
      count++;
    }
    return count;
  }
}
