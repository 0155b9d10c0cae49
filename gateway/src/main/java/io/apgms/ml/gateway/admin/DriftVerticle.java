package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.DriftCount;
import io.apgms.ml.feedback.DriftCounts;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.feedback.GroupOutcome;
import io.apgms.ml.feedback.GroupOutcomes;
import io.apgms.ml.feedback.LabelOutcome;
import io.apgms.ml.feedback.LabelOutcomes;
import io.apgms.ml.gateway.decision.InputCount;
import io.apgms.ml.gateway.decision.InputCounts;
import io.apgms.ml.registry.gate.BiasDeltas.Figure;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Adds what this replica has scored to the counts of all replicas, each five seconds, reads their
 * sums back, and writes the days that are over. Once a minute it reads how decisions turned out.
 *
 * <p>A report that was not acknowledged is sent again as it was, with its number, until it is; what
 * is counted meanwhile waits, in memory that the manifests bound. A killed process loses five
 * seconds of counts.
 */
public final class DriftVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(DriftVerticle.class);
  private static final long PERIOD_MS = 5_000;

  /** Rounds between two looks at the whole last day and at labels: many rows to sum. */
  private static final int DAY_EVERY = 12;

  /** Rounds between two looks for days that are over. */
  private static final int DUE_EVERY = 120;

  private final DriftCounts counts;
  private final LabelOutcomes labels;
  private final GroupOutcomes groups;
  private final BiasWatch watch;
  private final InputCounts inputs;
  private final SharedCounts<List<DriftCount>> shared;
  private final Map<InputCount.Key, InputCount> waiting = new LinkedHashMap<>();
  private volatile @Nullable Reading reading;
  private List<DriftCount> lastDay = List.of();
  private List<LabelOutcome> outcomes = List.of();
  private Map<BiasWatch.Version, List<Figure>> bias = Map.of();
  private int sinceDay;
  private int sinceDue;

  /** What was read last, and when. */
  record Reading(
      Instant at,
      List<VersionDrift> versions,
      List<LabelOutcome> outcomes,
      Map<BiasWatch.Version, List<Figure>> bias) {
    Reading {
      versions = List.copyOf(versions);
      outcomes = List.copyOf(outcomes);
      bias = Map.copyOf(bias);
    }

    List<VersionDrift> of(String model) {
      return versions.stream().filter(v -> v.model().equals(model)).toList();
    }

    LabelOutcome outcome(String model, String version) {
      return outcomes.stream()
          .filter(o -> o.modelId().equals(model) && o.modelVersion().equals(version))
          .findFirst()
          .orElse(LabelOutcome.none(model, version));
    }
  }

  /**
   * Reports what these count.
   *
   * @param feedback started, with the tables of counts and labels
   */
  public DriftVerticle(FeedbackVerticle feedback, InputCounts inputs, BiasWatch watch) {
    this.counts = feedback.drift();
    this.shared = new SharedCounts<>(counts::add, LOG, "counts for drift");
    this.labels = feedback.labelOutcomes();
    this.groups = feedback.groupOutcomes();
    this.watch = watch;
    this.inputs = inputs;
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
    return shared.round(() -> report().compose(v -> read()).compose(v -> writeDays()));
  }

  private Future<Void> report() {
    return inputs.drain().compose(this::report);
  }

  private Future<Void> report(Collection<InputCount> drained) {
    drained.forEach(c -> waiting.merge(c.key(), c, InputCount::plus));
    return shared.report(this::next);
  }

  private @Nullable List<DriftCount> next() {
    if (waiting.isEmpty()) {
      return null;
    }
    List<DriftCount> next = waiting.values().stream().map(DriftVerticle::toRow).toList();
    waiting.clear();
    return next;
  }

  private static DriftCount toRow(InputCount c) {
    return new DriftCount(
        c.key().model(),
        c.key().version(),
        c.key().feature(),
        c.baseline(),
        c.cells(),
        c.missing(),
        c.refusedMissing(),
        c.refusedRange(),
        c.reviews());
  }

  private Future<Void> read() {
    return (sinceDay == 0 ? readDay() : Future.<Void>succeededFuture())
        .compose(
            v -> {
              sinceDay = (sinceDay + 1) % DAY_EVERY;
              return counts.over(Duration.ofHours(1));
            })
        .map(
            hour -> {
              reading = new Reading(Instant.now(), VersionDrift.of(hour, lastDay), outcomes, bias);
              return null;
            });
  }

  /** Where labels or groups cannot be read, drift goes on. */
  private Future<Void> readDay() {
    return counts
        .over(Duration.ofHours(24))
        .compose(
            sums -> {
              lastDay = sums;
              return orElse(labels.read(Instant.now()), outcomes);
            })
        .compose(
            known -> {
              outcomes = known;
              return orElse(groups.read(Instant.now()).compose(this::figures), bias);
            })
        .map(
            figures -> {
              bias = figures;
              return null;
            });
  }

  /** On a worker: a version's bands are in its artifact. */
  private Future<Map<BiasWatch.Version, List<Figure>>> figures(List<GroupOutcome> grouped) {
    return grouped.isEmpty()
        ? Future.succeededFuture(Map.of())
        : vertx.executeBlocking(() -> watch.of(grouped));
  }

  private static <T> Future<T> orElse(Future<T> read, T before) {
    return read.recover(
        e -> {
          LOG.warn("labels and groups stay as they were read before: {}", e.getMessage());
          return Future.succeededFuture(before);
        });
  }

  private Future<Void> writeDays() {
    boolean look = sinceDue == 0;
    sinceDue = (sinceDue + 1) % DUE_EVERY;
    return look ? counts.due().compose(this::write) : Future.succeededFuture();
  }

  private Future<Void> write(List<LocalDate> days) {
    Future<Void> done = Future.succeededFuture();
    for (LocalDate day : days) {
      done =
          done.compose(v -> counts.on(day))
              .compose(
                  sums ->
                      counts.write(day, sums.stream().map(c -> ColumnDrift.of(c).day()).toList()));
    }
    return done;
  }

  /** What was read last; null before the first reading. */
  @Nullable Reading reading() {
    return reading;
  }
}
