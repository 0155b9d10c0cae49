package io.apgms.ml.gateway.incident;

import java.time.Duration;

/**
 * From where on a symptom is one. Those of the alert rules, the model's own latency where that is
 * shorter.
 *
 * @param latency that 95 % of the answers keep to
 * @param failed share of the requests that may fail or be refused
 * @param availability the model's SLO: 1 less it is the budget
 */
public record Bounds(Duration latency, double failed, double availability) {
  /** Share of answers that may be later than the latency: that is what a p95 within it says. */
  static final double LATE = 0.05;

  /** Fewer requests in a window, or fewer of them wrong, say nothing. */
  static final int LEAST = 20;

  static final int LEAST_WRONG = 3;

  private static final long RULE_MS = 750;
  private static final double RULE = 0.02;

  /**
   * As MLInferenceLatencyHigh and MLInferenceErrors; within a day of a new revision as
   * MLPromotionWatchLatency and MLPromotionWatchErrors.
   */
  public static Bounds of(long sloLatencyMs, double availability, boolean watched) {
    long rule = watched ? RULE_MS / 2 : RULE_MS;
    return new Bounds(
        Duration.ofMillis(Math.min(sloLatencyMs, rule)), watched ? RULE / 4 : RULE, availability);
  }

  double latencySeconds() {
    return latency.toMillis() / 1e3;
  }
}
