package io.apgms.ml.gateway.decision;

import io.apgms.ml.gateway.decision.ModelMeters.SloCount;
import io.apgms.ml.registry.ErrorBudget.Used;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What has counted against the error budgets since the report before, from counters that only grow.
 *
 * <p>Every request is reported once: what a reading missed, or counted too early, is made up for by
 * the next one. Requests over a loop's limit were refused unread; they go to the models by their
 * shares of the other requests, and wait while there are none. One thread uses it.
 */
public final class BudgetReport {
  private final DecisionMeters meters;
  private final Map<String, long[]> reported = new HashMap<>();
  private long limitedReported;

  /** Reports what these count. */
  public BudgetReport(DecisionMeters meters) {
    this.meters = meters;
  }

  /** By model; empty where nothing happened. */
  public Map<String, Used> next() {
    return next(meters.slos(), meters.limitedCount());
  }

  Map<String, Used> next(List<SloCount> counts, long limited) {
    Map<String, Used> used = new TreeMap<>();
    Map<String, Double> budget = new HashMap<>(); // share that may be bad, of the newest version
    for (SloCount now : counts) {
      long[] before =
          reported.computeIfAbsent(now.model() + "/" + now.version(), key -> new long[2]);
      long requests = Math.max(0, now.requests() - before[0]);
      long bad = Math.min(requests, Math.max(0, now.bad() - before[1]));
      before[0] += requests;
      before[1] += bad;
      if (requests > 0) {
        double share = 1 - now.availability();
        used.merge(now.model(), new Used(requests, bad, requests * share), Used::plus);
        budget.put(now.model(), share);
      }
    }
    spread(limited - limitedReported, used, budget);
    return used;
  }

  private void spread(long limited, Map<String, Used> used, Map<String, Double> budget) {
    long left = used.values().stream().mapToLong(Used::requests).sum();
    if (limited <= 0 || left == 0) {
      return;
    }
    limitedReported += limited;
    long rest = limited;
    for (Map.Entry<String, Used> of : used.entrySet()) {
      long share = Math.round((double) rest * of.getValue().requests() / left);
      left -= of.getValue().requests();
      rest -= share;
      double allowed = share * budget.getOrDefault(of.getKey(), 0.0);
      of.setValue(of.getValue().plus(new Used(share, share, allowed)));
    }
  }
}
