package io.apgms.ml.gateway.admin;

import io.apgms.ml.gateway.decision.BudgetReport;
import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.registry.ErrorBudget;
import io.apgms.ml.registry.ErrorBudget.Used;
import io.apgms.ml.registry.ErrorBudgets;
import io.apgms.ml.registry.ErrorBudgets.Bucket;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Adds what this replica has counted against the error budgets to those of all replicas, each ten
 * seconds, and reads them back.
 *
 * <p>A report that was not acknowledged is sent again as it was, with its number, until it is; what
 * is counted meanwhile waits in the counters. A killed process loses ten seconds of counts.
 */
public final class BudgetVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(BudgetVerticle.class);
  private static final long PERIOD_MS = 10_000;

  private final ErrorBudgets budgets;
  private final BudgetReport counted;
  private final SharedCounts<Map<String, Used>> shared;
  private final Map<String, ErrorBudget> known = new ConcurrentHashMap<>();
  private Instant readTo;
  private volatile boolean read;

  public BudgetVerticle(ErrorBudgets budgets, DecisionMeters meters) {
    this.budgets = budgets;
    this.shared = new SharedCounts<>(budgets::add, LOG, "error budgets");
    this.counted = new BudgetReport(meters);
    this.readTo = Instant.now().minus(ErrorBudget.PERIOD).minus(Duration.ofHours(1));
  }

  @Override
  public Future<?> start() {
    return shared.start(vertx, PERIOD_MS, this::round);
  }

  /** What waits and what was counted last; the listeners have closed before. */
  @Override
  public Future<?> stop() {
    return report().compose(v -> report()).otherwiseEmpty();
  }

  /** One report and one reading. */
  Future<Void> round() {
    return shared.round(() -> report().compose(v -> read()));
  }

  private Future<Void> report() {
    return shared.report(
        () -> {
          Map<String, Used> next = counted.next();
          return next.isEmpty() ? null : next;
        });
  }

  /** Older buckets than the newest one that was seen get no more counts. */
  private Future<Void> read() {
    return budgets.since(readTo).map(this::take);
  }

  private Void take(List<Bucket> buckets) {
    for (Bucket b : buckets) {
      known.computeIfAbsent(b.model(), m -> new ErrorBudget()).put(b.at(), b.used());
      readTo = b.at().isAfter(readTo) ? b.at() : readTo;
    }
    Instant now = Instant.now();
    known.values().forEach(budget -> budget.forget(now));
    read = true;
    return null;
  }

  /** Models that have counted. */
  Set<String> models() {
    return known.keySet();
  }

  /** The budget of a model as read last; null before the first reading. */
  @Nullable ErrorBudget of(String model) {
    return read ? known.getOrDefault(model, new ErrorBudget()) : null;
  }
}
