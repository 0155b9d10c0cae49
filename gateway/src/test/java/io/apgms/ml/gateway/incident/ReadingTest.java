package io.apgms.ml.gateway.incident;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What is made of a page, of buckets and of scrapes. */
class ReadingTest {
  private static final Instant AT = Instant.parse("2026-11-23T08:00:00Z");
  private static final String PAGE =
      """
      # HELP apgms_ml_inference_requests_total
      # TYPE apgms_ml_inference_requests_total counter
      apgms_ml_inference_requests_total{model="m",outcome="success",version="1"} 40.0
      apgms_ml_inference_requests_total{model="m",outcome="error",version="1"} 2.0
      apgms_ml_inference_requests_total{model="n",outcome="success",version="1"} 1000.0
      apgms_ml_inference_duration_seconds_bucket{model="m",version="1",le="0.25"} 30.0
      apgms_ml_inference_duration_seconds_bucket{model="m",version="1",le="+Inf"} 40.0
      apgms_ml_score_drift_score{model="m",version="1"} NaN
      apgms_ml_error_budget_remaining_ratio{model="m"} 0.75
      process_start_time_seconds 1.7638848E9
      odd{text="a\\"b\\\\c\\nd"} 1
      no sample at all
      """;

  private static Reading of(String earlier, String later) {
    return Reading.ofPages("m", earlier, later, Grid.whole(AT.minusSeconds(5), AT));
  }

  @Test
  void ofPages_aPage_countsTheModelAlone() {
    Flow flow = Flow.at(of("", PAGE), Planted.BOUNDS, AT);
    assertThat(flow).isEqualTo(new Flow(40, 10, 2));
    assertThat(of("", PAGE).last(Series.BUDGET)).isEqualTo(0.75);
    assertThat(of("", PAGE).last(Series.SCORE_DRIFT)).isNaN();
    assertThat(of("", PAGE).last(Series.STARTED)).isEqualTo(1.7638848E9);
  }

  @Test
  void ofPages_two_countsWhatCameBetween() {
    String later = PAGE.replace("\"1\"} 40.0", "\"1\"} 45.0").replace("\"} 2.0", "\"} 5.0");
    assertThat(Flow.at(of(PAGE, later), Planted.BOUNDS, AT).answered()).isEqualTo(5);
    assertThat(Flow.at(of(PAGE, later), Planted.BOUNDS, AT).failed()).isEqualTo(3);
    assertThat(Flow.at(of(later, PAGE), Planted.BOUNDS, AT).answered())
        .as("it was started anew between")
        .isEqualTo(40);
  }

  @Test
  void sample_ofEscapedLabels_readsThem() {
    assertThat(Sample.of(PAGE))
        .filteredOn(s -> s.name().equals("odd"))
        .singleElement()
        .satisfies(s -> assertThat(s.labels()).containsEntry("text", "a\"b\\c\nd"));
    assertThat(Sample.of(PAGE)).hasSize(9);
  }

  @Test
  void histogram_betweenBounds_isEven() {
    Histogram took = Histogram.at(of("", PAGE), AT, Reading.ALL);
    assertThat(took.over(0.25)).isEqualTo(10);
    assertThat(took.over(0.125)).isEqualTo(25);
    assertThat(took.over(5)).as("beyond the last bound none is told apart").isEqualTo(10);
    assertThat(took.quantile(0.5)).isCloseTo(0.25 * 20 / 30, within(1e-9));
    assertThat(took.quantile(0.99)).isEqualTo(0.25);
    assertThat(Histogram.at(of("", ""), AT, Reading.ALL).quantile(0.5)).isNaN();
  }

  @Test
  void grid_ofAnyLength_isBoundedAndEndsAtItsEnd() {
    for (int minutes = 1; minutes < 10_080; minutes += 7) {
      Grid grid = Grid.over(AT, Duration.ofMinutes(minutes), Duration.ofSeconds(15));
      assertThat(grid.times()).hasSizeLessThanOrEqualTo(Grid.MOST + 1).last().isEqualTo(AT);
      assertThat(grid.window()).isGreaterThanOrEqualTo(grid.step());
      assertThat(grid.window()).isGreaterThanOrEqualTo(Duration.ofSeconds(60));
    }
  }

  private static Track scraped(String instance, String outcome, double... values) {
    NavigableMap<Instant, Double> points = new TreeMap<>();
    for (int i = 0; i < values.length; i++) {
      points.put(AT.plusSeconds(i), values[i]);
    }
    return new Track(Map.of("instance", instance, "outcome", outcome, "version", "1"), points);
  }

  @Test
  void onset_ofErrors_isTheFirstScrapeOverTheBoundOnAnyReplica() {
    List<Track> tracks =
        List.of(
            scraped("a", "success", 0, 100, 200, 300, 400),
            scraped("a", "error", 0, 1, 2, 3, 60),
            scraped("b", "success", 0, 100, 200, 300, 400),
            scraped("b", "error", 0, 0, 0, 40, 90));
    Instant crossing = AT.plusSeconds(4);
    assertThat(Onsets.of(Symptom.ERRORS, tracks, Planted.BOUNDS, crossing))
        .isEqualTo(AT.plusSeconds(3));
    assertThat(Onsets.of(Symptom.ERRORS, tracks.subList(0, 2), Planted.BOUNDS, crossing))
        .isEqualTo(AT.plusSeconds(4));
    assertThat(Onsets.of(Symptom.ERRORS, List.of(), Planted.BOUNDS, crossing)).isEqualTo(crossing);
  }

  @Test
  void onset_ofLatency_goesByTheBucketWithinTheBound() {
    Map<String, String> all = Map.of("instance", "a", "le", "+Inf");
    Map<String, String> soon = Map.of("instance", "a", "le", "0.25");
    Map<String, String> sooner = Map.of("instance", "a", "le", "0.1");
    List<Track> tracks =
        List.of(
            new Track(all, scraped("a", "", 0, 100, 200, 300).points()),
            new Track(soon, scraped("a", "", 0, 100, 140, 150).points()),
            new Track(sooner, scraped("a", "", 0, 10, 20, 30).points()));
    assertThat(Onsets.of(Symptom.LATENCY, tracks, Planted.BOUNDS, AT.plusSeconds(3)))
        .isEqualTo(AT.plusSeconds(2));
  }

  @Test
  void query_ofEachSeries_namesModelAndWindow() {
    assertThat(Series.REQUESTS.query("m", Duration.ofMinutes(1)))
        .isEqualTo(
            "sum by (version, outcome)"
                + " (increase(apgms_ml_inference_requests_total{model=\"m\"}[60000ms]))");
    assertThat(Series.BUDGET.query("m", Duration.ofMinutes(1)))
        .isEqualTo("min by () (apgms_ml_error_budget_remaining_ratio{model=\"m\"})");
  }
}
