package io.apgms.ml.gateway.decision;

import io.apgms.ml.feedback.FeedbackException;
import io.apgms.ml.feedback.PairStore;
import io.apgms.ml.feedback.TrialPair;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.scoring.ApartModel;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Scores what was answered once more, by the other version of a trial, and stores the pairs: one
 * thread of its own behind a bounded queue. It looks at the queue by itself, so that an event loop
 * never has a thread to wake. Nothing here can answer or act: it knows neither requests nor modes.
 *
 * <p>What does not fit is dropped and counted. Rows that wait are lost with the process; while
 * PostgreSQL is away they wait, and then those that come are dropped.
 */
public final class ShadowScoring implements AutoCloseable {
  static final int MAX_WAITING = 16_384;

  private static final Logger LOG = LoggerFactory.getLogger(ShadowScoring.class);
  private static final int MAX_BATCH = 1_024;
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long STOP_MS = 6_000; // a statement ends within five seconds

  private final PairStore pairs;
  private final Counter compared;
  private final Counter dropped;
  private final ArrayBlockingQueue<Row> waiting = new ArrayBlockingQueue<>(MAX_WAITING);
  private final Queue<LiveTrial> retired = new ConcurrentLinkedQueue<>();
  private final Thread thread = new Thread(this::run, "trial-shadow");
  private volatile boolean closed;
  private boolean away;

  /**
   * A row that was answered.
   *
   * @param digest of the version that answered
   * @param secondFailed whether the canary was asked first and gave no score
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  record Row(
      LiveTrial live,
      UUID id,
      float[] features,
      String digest,
      double score,
      boolean review,
      boolean secondFailed) {}

  /** Not started yet. */
  public ShadowScoring(PairStore pairs, MeterRegistry meters) {
    this.pairs = pairs;
    this.compared = Counter.builder("apgms_ml_trial_pairs").register(meters);
    this.dropped = Counter.builder("apgms_ml_trial_dropped").register(meters);
    thread.setDaemon(true);
  }

  /** Begins to look at the queue. */
  public ShadowScoring start() {
    thread.start();
    return this;
  }

  /** Never waits; false where it was dropped. */
  boolean offer(Row row) {
    boolean taken = waiting.offer(row);
    if (!taken) {
      dropped.increment();
    }
    return taken;
  }

  void retire(LiveTrial over) {
    retired.add(over);
  }

  private void run() {
    List<Row> batch = new ArrayList<>(MAX_BATCH);
    while (!closed) {
      try {
        batch.clear();
        if (waiting.drainTo(batch, MAX_BATCH) == 0) {
          free();
          LockSupport.parkNanos(LOOK_NANOS);
        }
        byTrial(batch).forEach(this::compare);
      } catch (RuntimeException e) { // or nothing would be compared any more
        LOG.error("rows of a trial are not compared: {}", e.toString());
      }
    }
    free();
    pairs.close();
  }

  /** Only here, where no pass of it can be under way. */
  private void free() {
    for (LiveTrial over = retired.poll(); over != null; over = retired.poll()) {
      over.other().close();
    }
  }

  private static List<List<Row>> byTrial(List<Row> batch) {
    List<List<Row>> groups = new ArrayList<>();
    for (Row row : batch) {
      List<Row> its = null;
      for (List<Row> group : groups) {
        its = group.get(0).live() == row.live() ? group : its;
      }
      if (its == null) {
        its = new ArrayList<>();
        groups.add(its);
      }
      its.add(row);
    }
    return groups;
  }

  private void compare(List<Row> rows) {
    LiveTrial live = rows.get(0).live();
    List<TrialPair> scored = new ArrayList<>(rows.size());
    for (int from = 0; from < rows.size() && !live.isOver(); from += ApartModel.MAX_ROWS) {
      scored.addAll(
          score(live, rows.subList(from, Math.min(rows.size(), from + ApartModel.MAX_ROWS))));
    }
    store(live, scored);
  }

  static List<TrialPair> score(LiveTrial live, List<Row> rows) {
    Trial trial = live.trial();
    double threshold = live.other().model().threshold();
    double[] scores = live.other().score(rows.stream().map(Row::features).toList());
    List<TrialPair> pairs = new ArrayList<>(rows.size());
    for (int i = 0; i < scores.length; i++) {
      Row row = rows.get(i);
      boolean bySecond = row.digest().equals(trial.digest());
      if (!bySecond && !row.digest().equals(trial.baseDigest())) {
        continue; // answered by neither: a swap came between
      }
      boolean review = scores[i] >= threshold;
      if (bySecond && Double.isNaN(scores[i])) {
        continue; // the active version's own failure says nothing of the second
      }
      pairs.add(
          bySecond
              ? pair(trial, row, scores[i], review, row.score(), row.review())
              : pair(
                  trial,
                  row,
                  row.score(),
                  row.review(),
                  row.secondFailed() ? Double.NaN : scores[i],
                  review));
    }
    return pairs;
  }

  private static TrialPair pair(
      Trial trial, Row row, double base, boolean baseReview, double second, boolean secondReview) {
    return new TrialPair(
        trial.id(), row.id(), trial.model(), base, baseReview, second, secondReview);
  }

  private void store(LiveTrial live, List<TrialPair> scored) {
    long lost = live.takeDropped();
    while (!closed && !live.isOver() && (!scored.isEmpty() || lost > 0)) {
      try {
        pairs.store(live.trial().id(), scored, lost);
        compared.increment(scored.size());
        away = false;
        return;
      } catch (FeedbackException.Unavailable e) {
        if (!away) {
          LOG.warn("pairs of trials wait: {}", e.getMessage());
        }
        away = true;
        LockSupport.parkNanos(AGAIN_NANOS);
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
    try {
      thread.join(STOP_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the thread is a daemon, and ends by itself
    }
  }
}
