package io.apgms.ml.scoring;

import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The loaded versions of each model and which one is active. Readers see one immutable map; changes
 * replace it. Versions stand beside each other: a request is scored by the active one or by the one
 * it names, never by turns.
 */
public final class ScoringRuntime {
  static final double TOLERANCE = 2e-6; // last bits differ across batch sizes and processors

  /** Background rows of an explanation, each with a pair of walks: docs/BENCHMARKS.md. */
  static final int EXPLAIN_PAIRS = 128;

  private static final Logger LOG = LoggerFactory.getLogger(ScoringRuntime.class);

  private final @Nullable Elsewhere elsewhere;
  private final int maxBatchRows;
  private final DistributionSummary batchSize;
  private final List<AtomicInteger> queueDepths = new CopyOnWriteArrayList<>();
  private volatile Map<String, Versions> models = Map.of();
  private volatile Map<String, Set<String>> revoked = Map.of();

  private record Versions(@Nullable LoadedModel active, Map<String, LoadedModel> byVersion) {}

  /**
   * Empty: with no active model every request is NO_MODEL.
   *
   * @param maxBatchRows most rows of one forward pass
   */
  public ScoringRuntime(int maxBatchRows, MeterRegistry meters) {
    this(maxBatchRows, meters, null);
  }

  /**
   * One that loads nothing: it knows versions by what was verified of them, and others score.
   *
   * @param elsewhere who scores
   */
  public static ScoringRuntime describing(MeterRegistry meters, Elsewhere elsewhere) {
    return new ScoringRuntime(1, meters, elsewhere);
  }

  private ScoringRuntime(int maxBatchRows, MeterRegistry meters, @Nullable Elsewhere elsewhere) {
    this.elsewhere = elsewhere;
    if (maxBatchRows < 1) {
      throw new IllegalArgumentException(
          "maxBatchRows is " + maxBatchRows + ", expected 1 or more");
    }
    this.maxBatchRows = maxBatchRows;
    this.batchSize =
        DistributionSummary.builder("apgms_ml_inference_batch_size")
            .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128, 256)
            .register(meters);
    Gauge.builder(
            "apgms_ml_inference_queue_depth",
            queueDepths,
            all -> all.stream().mapToInt(AtomicInteger::get).sum())
        .register(meters);
  }

  /**
   * Loads a version beside the others: native module, golden rows, every batch shape warmed.
   * Blocking; the version is not active until {@link #activate}.
   *
   * @throws ScoringException when it cannot serve
   */
  public ServedModel prepare(VerifiedArtifact artifact) {
    ServedModel served = Loading.described(artifact);
    if (elsewhere != null) {
      put(new LoadedModel(served, null));
      return served;
    }
    TorchModel torch = Loading.load(artifact.torchScript(), served.features().size());
    try {
      Loading.checkGolden(torch, served);
      Loading.warm(torch, served, maxBatchRows);
    } catch (RuntimeException e) {
      torch.close();
      throw e;
    }
    put(new LoadedModel(served, torch));
    return served;
  }

  /**
   * Loads a version apart from those that serve, runs its golden rows, and frees it: whether it
   * could serve, while nobody may be served by it yet. Blocking.
   *
   * @throws ScoringException when it cannot
   */
  public static void rehearse(VerifiedArtifact artifact) {
    ServedModel served = Loading.described(artifact);
    try (TorchModel torch = Loading.load(artifact.torchScript(), served.features().size())) {
      Loading.checkGolden(torch, served);
    }
  }

  private synchronized void put(LoadedModel loaded) {
    ServedModel served = loaded.served();
    Versions now = models.getOrDefault(served.modelId(), new Versions(null, Map.of()));
    Map<String, LoadedModel> byVersion = new HashMap<>(now.byVersion());
    LoadedModel before = byVersion.put(served.version(), loaded);
    boolean replacesActive = before != null && before == now.active();
    replace(
        served.modelId(),
        new Versions(replacesActive ? loaded : now.active(), Map.copyOf(byVersion)));
    if (before != null) {
      before.release();
    }
  }

  private void replace(String modelId, Versions versions) {
    Map<String, Versions> next = new HashMap<>(models);
    next.put(modelId, versions);
    models = Map.copyOf(next);
  }

  /** Makes a loaded version the active one: one reference is swapped. */
  public synchronized void activate(String modelId, String version) {
    Versions now = models.get(modelId);
    LoadedModel loaded = now == null ? null : now.byVersion().get(version);
    if (now == null || loaded == null) {
      throw new IllegalStateException(modelId + " " + version + " is not loaded");
    }
    replace(modelId, new Versions(loaded, now.byVersion()));
  }

  /** Retires the versions not named; each is freed after its last use. The active one stays. */
  public synchronized void retain(String modelId, Set<String> versions) {
    Versions now = models.get(modelId);
    if (now == null) {
      return;
    }
    Map<String, LoadedModel> kept = new HashMap<>(now.byVersion());
    List<LoadedModel> retired = new ArrayList<>();
    for (LoadedModel loaded : now.byVersion().values()) {
      if (loaded != now.active() && !versions.contains(loaded.served().version())) {
        kept.remove(loaded.served().version());
        retired.add(loaded);
      }
    }
    replace(modelId, new Versions(now.active(), Map.copyOf(kept)));
    retired.forEach(LoadedModel::release);
  }

  /**
   * Says which versions must not be used any more, in place of what was said before: loaded ones
   * are retired, the active one too, and a request that names one is REVOKED.
   *
   * @param versions by model id; not loaded ones may stand among them
   */
  public synchronized void revoke(Map<String, Set<String>> versions) {
    Map<String, Set<String>> copy = new HashMap<>();
    versions.forEach((model, named) -> copy.put(model, Set.copyOf(named)));
    revoked = Map.copyOf(copy);
    copy.forEach(this::retire);
  }

  private void retire(String modelId, Set<String> versions) {
    Versions now = models.get(modelId);
    if (now == null) {
      return;
    }
    Map<String, LoadedModel> kept = new HashMap<>(now.byVersion());
    List<LoadedModel> retired = new ArrayList<>();
    for (String version : versions) {
      LoadedModel loaded = kept.remove(version);
      if (loaded != null) {
        retired.add(loaded);
      }
    }
    LoadedModel active =
        now.active() != null && retired.contains(now.active()) ? null : now.active();
    replace(modelId, new Versions(active, Map.copyOf(kept)));
    retired.forEach(LoadedModel::release);
  }

  /** Whether a version must not be used any more. */
  public boolean isRevoked(String modelId, String version) {
    return revoked.getOrDefault(modelId, Set.of()).contains(version);
  }

  /** Says that a model is to be served here: while none of it can be, it is known all the same. */
  public synchronized void expect(String modelId) {
    if (!knows(modelId)) {
      replace(modelId, new Versions(null, Map.of()));
    }
  }

  /** Whether the model is to be served here, or a version of it was ever loaded. */
  public boolean knows(String modelId) {
    return models.containsKey(modelId);
  }

  /** Whether a version that is known here is scored by now, here or elsewhere. */
  public boolean isScored(ServedModel known) {
    return elsewhere == null || elsewhere.serves(known.modelId(), known.version(), known.digest());
  }

  /** Whether all that score the model score this version of it. */
  public boolean isScoredEverywhere(ServedModel known) {
    return elsewhere == null
        || elsewhere.servesEverywhere(known.modelId(), known.version(), known.digest());
  }

  /** Who scores, and explains, in place of this process; null where it does so itself. */
  public @Nullable Elsewhere elsewhere() {
    return elsewhere;
  }

  /** Why there is nothing to score with. */
  public Outcome whyNone(String modelId, @Nullable String version) {
    if (version != null && isRevoked(modelId, version)) {
      return Outcome.REVOKED;
    }
    return version == null || active(modelId) == null ? Outcome.NO_MODEL : Outcome.NO_VERSION;
  }

  /** The active version of a model; cheap enough for every request. */
  public @Nullable ServedModel active(String modelId) {
    Versions now = models.get(modelId);
    return now == null || now.active() == null ? null : now.active().served();
  }

  /** A loaded version of a model. */
  public @Nullable ServedModel loaded(String modelId, String version) {
    Versions now = models.get(modelId);
    LoadedModel loaded = now == null ? null : now.byVersion().get(version);
    return loaded == null ? null : loaded.served();
  }

  /** Every loaded version of a model. */
  public Collection<ServedModel> loaded(String modelId) {
    Versions now = models.get(modelId);
    return now == null
        ? List.of()
        : now.byVersion().values().stream().map(LoadedModel::served).toList();
  }

  /** Every loaded version of every model. */
  public Collection<ServedModel> everyLoaded() {
    return models.values().stream()
        .flatMap(v -> v.byVersion().values().stream())
        .map(LoadedModel::served)
        .toList();
  }

  /** Every active version. */
  public Collection<ServedModel> active() {
    return models.values().stream()
        .map(Versions::active)
        .filter(java.util.Objects::nonNull)
        .map(LoadedModel::served)
        .collect(Collectors.toList());
  }

  /** The version to score with, its use counted; null when there is none. */
  @Nullable LoadedModel acquire(String modelId, @Nullable String version) {
    // A version retired between the look and the count is looked for again, in the newer map.
    for (int attempt = 0; attempt < 3; attempt++) {
      Versions now = models.get(modelId);
      LoadedModel loaded =
          now == null ? null : version == null ? now.active() : now.byVersion().get(version);
      if (loaded == null || loaded.acquire()) {
        return loaded;
      }
    }
    return null;
  }

  BatchQueue.Models forBatches() {
    return new BatchQueue.Models() {
      @Override
      public @Nullable LoadedModel acquire(String modelId, @Nullable String version) {
        return ScoringRuntime.this.acquire(modelId, version);
      }

      @Override
      public Outcome whyNone(String modelId, @Nullable String version) {
        return ScoringRuntime.this.whyNone(modelId, version);
      }
    };
  }

  /**
   * Explains a score by the very version that gave it. Blocking, for milliseconds; the same case
   * gives the same explanation. EXPIRED when the time is up on the way, NO_VERSION when the version
   * was retired since. Not where {@link #elsewhere} explains.
   *
   * @param row as it was scored
   * @param score as it was given, rounded
   * @param deadlineNanos of {@link System#nanoTime()}
   */
  public ExplainResult explain(ServedModel model, float[] row, double score, long deadlineNanos) {
    LoadedModel loaded = acquire(model.modelId(), model.version());
    if (loaded == null) {
      return new ExplainResult(Outcome.NO_VERSION, null);
    }
    try {
      if (!loaded.served().digest().equals(model.digest())) { // another module by that name
        return new ExplainResult(Outcome.NO_VERSION, null);
      }
      Explanation explanation =
          explain(model, row, score, (rows, n) -> checked(loaded.torch(), rows, n, deadlineNanos));
      return new ExplainResult(Outcome.SCORED, explanation);
    } catch (CancellationException late) {
      return new ExplainResult(Outcome.EXPIRED, null);
    } catch (ArithmeticException invalid) {
      return new ExplainResult(Outcome.INVALID_OUTPUT, null);
    } catch (RuntimeException | Error e) { // native memory too: the next one may have enough
      LOG.error("explanation by {} {} failed: {}", model.modelId(), model.version(), e.toString());
      return new ExplainResult(Outcome.FAILED, null);
    } finally {
      loaded.release();
    }
  }

  private static Explanation explain(
      ServedModel model, float[] row, double score, Explainer.Scorer scorer) {
    // The digest and nothing else: background and walks are a version's own. And this generator,
    // as its numbers are fixed by its specification.
    long seed = 0;
    for (char c : model.digest().toCharArray()) {
      seed = 31 * seed + c;
    }
    Random random = new Random(seed);
    float[] background = Background.rows(model.features(), model.golden(), EXPLAIN_PAIRS, random);
    return Explanation.of(new Explainer().estimate(scorer, background, row, random), score);
  }

  private static float[] checked(TorchModel torch, float[] rows, int rowCount, long deadline) {
    if (System.nanoTime() - deadline >= 0) {
      throw new CancellationException("the request's time is up");
    }
    float[] scores = torch.score(rows, rowCount);
    for (float score : scores) {
      if (!(rounded(score) >= 0 && rounded(score) <= 1)) {
        throw new ArithmeticException("score " + score + ", expected 0 to 1");
      }
    }
    return scores;
  }

  int maxBatchRows() {
    return maxBatchRows;
  }

  void batchSize(int rows) {
    batchSize.record(rows);
  }

  /** Rows that wait before one more instance, for the metric of all. */
  AtomicInteger queueDepth() {
    AtomicInteger depth = new AtomicInteger();
    queueDepths.add(depth);
    return depth;
  }

  static double rounded(float score) {
    return Math.rint(score * 1e6) / 1e6;
  }
}
