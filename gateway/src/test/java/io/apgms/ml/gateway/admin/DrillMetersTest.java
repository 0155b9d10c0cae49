package io.apgms.ml.gateway.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.DrillResult.Outcome;
import io.apgms.ml.registry.DrillResult.Times;
import io.apgms.ml.registry.Drills.Tally;
import io.apgms.ml.scoring.ScoringRuntime;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class DrillMetersTest {
  private static final Instant AT = Instant.parse("2026-11-25T03:00:00.500Z");

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private Future<List<Tally>> next = Future.succeededFuture(List.of());
  private final DrillMeters meters =
      new DrillMeters(() -> next, new ScoringRuntime(1, registry), registry);

  private static Tally passed(double warm) {
    return new Tally("m", Outcome.PASSED, 3, AT, new Times(warm, 0.5));
  }

  private static Tally failed(Outcome why, long runs) {
    return new Tally("m", why, runs, AT, null);
  }

  private void read(Tally... tallies) {
    next = Future.succeededFuture(List.of(tallies));
    meters.read();
  }

  private double failures(String reason) {
    return registry
        .get("apgms_ml_rollback_drill_failures")
        .tags("model", "m", "reason", reason)
        .counter()
        .count();
  }

  @Test
  void read_passedAndFailed_showsTheNewestTimesAndEveryReason() {
    read(passed(0.01), failed(Outcome.ALTERED, 2));
    read(passed(0.02), failed(Outcome.ALTERED, 3));
    String scrape = registry.scrape();
    assertThat(scrape)
        .contains("apgms_ml_rollback_drill_seconds{from=\"warm\",model=\"m\"} 0.02")
        .contains("apgms_ml_rollback_drill_seconds{from=\"disk\",model=\"m\"} 0.5")
        .contains(
            "apgms_ml_rollback_drill_last_success_timestamp_seconds{model=\"m\"} 1.7955756005E9")
        .contains("apgms_ml_rollback_drill_failures_total{model=\"m\",reason=\"altered\"} 3.0");
    for (Outcome reason : Outcome.failures()) {
      assertThat(failures(reason.wire())).isEqualTo(reason == Outcome.ALTERED ? 3 : 0);
    }
  }

  @Test
  void read_neverPassed_isNoTimeAndNoSuccess() {
    read(failed(Outcome.REVOKED, 1));
    assertThat(registry.scrape())
        .contains("apgms_ml_rollback_drill_seconds{from=\"warm\",model=\"m\"} NaN")
        .contains("apgms_ml_rollback_drill_last_success_timestamp_seconds{model=\"m\"} 0.0");
  }

  @Test
  void read_databaseAway_keepsWhatIsKnownAndAsksOnceAtATime() {
    read(passed(0.01));
    next = Future.failedFuture("away");
    meters.read();
    Promise<List<Tally>> slow = Promise.promise();
    next = slow.future();
    meters.read();
    next = Future.succeededFuture(List.of(passed(0.03)));
    meters.read(); // one is under way
    assertThat(registry.scrape()).contains("from=\"warm\",model=\"m\"} 0.01");
    slow.complete(List.of(passed(0.02)));
    assertThat(registry.scrape()).contains("from=\"warm\",model=\"m\"} 0.02");
  }
}
