package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.TrialPairs;
import io.apgms.ml.gateway.decision.LiveTrial;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.registry.TrialSums;
import io.apgms.ml.registry.Trials;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.TrialGate;
import io.apgms.ml.scoring.ApartModel;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.SqlConnection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings this replica to the trials that PostgreSQL names, and asks whether they are decided. A
 * replica that serves another version than the one that is compared with takes no part.
 *
 * <p>Confined to the control loop, but for {@link #newest}. Loading happens beside the rounds, so
 * that no trial holds up a pointer.
 */
final class TrialFollower {
  private static final Logger LOG = LoggerFactory.getLogger(TrialFollower.class);
  private static final Trials.Judge REVOKED =
      (bounds, sums, timeUp) ->
          Optional.of(new Trials.Verdict(Trial.State.stopped, "the version is revoked"));
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(5);

  /**
   * What it works with.
   *
   * @param serving loads a version beside those that serve
   * @param remember told of a version that is loaded otherwise, so that its revocation is seen
   * @param refresh asks for a round that reads the state anew
   */
  record Parts(
      Vertx vertx,
      ControlVerticle.Parts control,
      ControlVerticle.Trialling with,
      Loading serving,
      Consumer<VerifiedArtifact> remember,
      Runnable refresh) {}

  /** How the control loop loads a version to serve, unless it is kept warm. */
  interface Loading {
    Future<ServedModel> load(String model, String version, @Nullable String digest);
  }

  private static final class Entry {
    final Trial trial;
    @Nullable LiveTrial live;
    boolean loading;
    boolean loadedHere;
    boolean judging;
    boolean over;
    long againNanos;

    Entry(Trial trial, long nowNanos) {
      this.trial = trial;
      this.againNanos = nowNanos;
    }
  }

  private final Parts parts;
  private final Map<String, Entry> entries = new HashMap<>();
  private volatile List<Trial> newest = List.of();

  TrialFollower(Parts parts) {
    this.parts = parts;
  }

  /** The newest trial of each model as it was read last, running or not; from any thread. */
  List<Trial> newest() {
    return newest;
  }

  /**
   * Takes what was read.
   *
   * @param trials the newest of each model
   * @param askedNanos before it was asked for
   */
  void follow(List<Trial> trials, long askedNanos) {
    newest = List.copyOf(trials);
    Map<UUID, Trial> running =
        trials.stream().filter(Trial::running).collect(Collectors.toMap(Trial::id, t -> t));
    for (Iterator<Entry> all = entries.values().iterator(); all.hasNext(); ) {
      Entry entry = all.next();
      if (!running.containsKey(entry.trial.id())) {
        all.remove();
        end(entry);
      }
    }
    for (Trial trial : running.values()) {
      Entry entry =
          entries.computeIfAbsent(trial.model(), m -> new Entry(trial, System.nanoTime()));
      LiveTrial live = entry.live;
      if (live != null && isGone(trial)) {
        live.end();
        entry.live = null;
      }
      boolean due = System.nanoTime() - entry.againNanos >= 0;
      if (entry.live == null && !entry.loading && due && isComparable(trial)) {
        load(entry);
      }
    }
    show(askedNanos);
    entries.values().forEach(this::judge);
  }

  private void show(long askedNanos) {
    Map<String, LiveTrial> live = new HashMap<>();
    for (Entry entry : entries.values()) {
      LiveTrial here = entry.live;
      if (here != null && isComparable(entry.trial) && !isRevoked(entry.trial)) {
        live.put(entry.trial.model(), here);
      }
    }
    parts.with().board().show(live, askedNanos);
  }

  private boolean isComparable(Trial trial) {
    ServedModel active = runtime().active(trial.model());
    return active != null && active.digest().equals(trial.baseDigest());
  }

  /** A swap retires what it does not know of: then it is loaded anew. */
  private boolean isGone(Trial trial) {
    return trial.kind() == Trial.Kind.canary
        && runtime().loaded(trial.model(), trial.version()) == null;
  }

  private boolean isRevoked(Trial trial) {
    return runtime().isRevoked(trial.model(), trial.version());
  }

  private ScoringRuntime runtime() {
    return parts.control().runtime();
  }

  private void load(Entry entry) {
    Trial trial = entry.trial;
    entry.loading = true;
    boolean canary = trial.kind() == Trial.Kind.canary;
    entry.loadedHere |= canary && runtime().loaded(trial.model(), trial.version()) == null;
    Future<?> serving =
        canary
            ? parts.serving().load(trial.model(), trial.version(), trial.digest())
            : Future.succeededFuture();
    serving
        .compose(v -> parts.vertx().executeBlocking(() -> apart(trial), false))
        .onComplete(done -> loaded(entry, done.result(), done.cause()));
  }

  /** The version that scores behind the answers: of a canary the active one. */
  private ApartModel apart(Trial trial) {
    if (trial.kind() == Trial.Kind.canary) {
      return ApartModel.load(
          parts.control().store().load(trial.model(), trial.baseVersion(), trial.baseDigest()));
    }
    VerifiedArtifact second =
        parts.with().candidates().load(trial.model(), trial.version(), trial.digest());
    parts.remember().accept(second);
    return ApartModel.load(second);
  }

  private void loaded(Entry entry, @Nullable ApartModel apart, @Nullable Throwable why) {
    entry.loading = false;
    Trial trial = entry.trial;
    if (entry.over) {
      if (apart != null) {
        apart.close();
      }
      unload(entry);
      return;
    }
    if (apart == null) {
      entry.againNanos = System.nanoTime() + AGAIN_NANOS;
      String reason = why == null ? "" : why.getMessage();
      LOG.error("{} takes no part in the trial of {}: {}", trial.model(), trial.version(), reason);
      return;
    }
    entry.live = new LiveTrial(trial, apart, parts.with().shadow());
    LOG.info("{} {} of {} begins here", trial.model(), trial.kind(), trial.version());
    parts.refresh().run();
  }

  private void end(Entry entry) {
    entry.over = true;
    LiveTrial live = entry.live;
    if (live != null) {
      live.end();
    }
    if (!entry.loading) {
      unload(entry);
    }
    Trial trial = entry.trial;
    String state =
        newest.stream()
            .filter(t -> t.id().equals(trial.id()))
            .map(t -> t.state().name())
            .findFirst()
            .orElse("over");
    LOG.info("{} {} of {} ends here: {}", trial.model(), trial.kind(), trial.version(), state);
  }

  /** What was loaded for the trial alone; a version that is active by now stays. */
  private void unload(Entry entry) {
    Trial trial = entry.trial;
    if (entry.loadedHere) {
      Set<String> kept = new HashSet<>();
      runtime().loaded(trial.model()).forEach(m -> kept.add(m.version()));
      kept.remove(trial.version());
      runtime().retain(trial.model(), kept);
    }
  }

  /** Each replica asks; the one that is first to lock the trial's row decides. */
  private void judge(Entry entry) {
    Trial trial = entry.trial;
    if (entry.judging) {
      return;
    }
    entry.judging = true;
    Trials.Judge by = isRevoked(trial) ? REVOKED : TrialGate::verdict;
    parts
        .control()
        .registry()
        .trials()
        .judge(trial.id(), c -> sums(c, trial), by)
        .onComplete(
            done -> {
              entry.judging = false;
              if (done.succeeded()) {
                done.result().ifPresent(this::decided);
              }
            });
  }

  private void decided(Trial ended) {
    String why = ended.end() == null ? "" : ended.end().reason();
    LOG.warn(
        "{} {} of {} {}: {}", ended.model(), ended.kind(), ended.version(), ended.state(), why);
    parts.refresh().run();
  }

  private static Future<TrialSums> sums(SqlConnection c, Trial trial) {
    return TrialPairs.sums(c, List.of(trial.id())).map(all -> sums(all.get(trial.id())));
  }

  static TrialSums sums(TrialPairs.@Nullable Sums stored) {
    return stored == null
        ? TrialSums.NONE
        : new TrialSums(
            stored.pairs(),
            stored.errors(),
            stored.disagreements(),
            stored.sumDifference(),
            stored.sumSquares(),
            stored.dropped());
  }

  /** With the replica: its trials are over here. */
  void stop() {
    parts.with().board().show(Map.of(), System.nanoTime());
    entries.values().forEach(this::end);
    entries.clear();
  }
}
