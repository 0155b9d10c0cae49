package io.apgms.ml.gateway.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.Elsewhere;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ScoredLaterTest {
  private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final ServedModel V1 = version("1");
  private static final ServedModel V2 = version("2");

  private final Set<String> somewhere = new HashSet<>(Set.of("1"));
  private final Set<String> everywhere = new HashSet<>(Set.of("1"));
  private final ScoredLater later =
      new ScoredLater(ScoringRuntime.describing(new SimpleMeterRegistry(), new Members()));
  private long now = Long.MAX_VALUE - 1_000 * MS; // nanoTime may overflow

  private final class Members implements Elsewhere {
    @Override
    public boolean serves(String modelId, String version, String digest) {
      return somewhere.contains(version);
    }

    @Override
    public boolean servesEverywhere(String modelId, String version, String digest) {
      return everywhere.contains(version);
    }

    @Override
    public Future<ExplainResult> explain(
        ServedModel model, float[] row, double score, long deadlineNanos) {
      throw new UnsupportedOperationException();
    }
  }

  private static ServedModel version(String version) {
    return new ServedModel(
        "m", version, "sha256:" + version, List.of(), 0.5, new Slo(0.9, 100), List.of());
  }

  private boolean isStill(ServedModel version, ServedModel active) {
    return later.isStill(version, active, now);
  }

  /** Members warm a slow model for minutes while the version before is served well. */
  @Test
  void isStill_membersLoadForLong_waitsAndIsNoFailure() {
    for (int second = 0; second < 300; second++) {
      assertThat(isStill(V2, V1)).isTrue();
      now += 1_000 * MS;
    }
    somewhere.add("2");
    everywhere.add("2");
    assertThat(isStill(V2, V1)).isFalse();
  }

  @Test
  void isStill_nothingIsServedMeanwhile_isAFailureAtOnce() {
    assertThatThrownBy(() -> isStill(V2, null)).hasMessageContaining("no scoring process");
    somewhere.add("2");
    assertThat(isStill(V2, null)).as("the first that has it will do").isFalse();
  }

  /** Two promotions in a row: the members have retired what this edge still serves. */
  @Test
  void isStill_nobodyScoresTheActiveOneAnyMore_isAFailureWhenPatienceEnds() {
    somewhere.clear();
    assertThat(isStill(V2, V1)).isTrue();
    now += ScoredLater.PATIENCE_NANOS - 1;
    assertThat(isStill(V2, V1)).isTrue();
    now += 1;
    assertThatThrownBy(() -> isStill(V2, V1)).hasMessageContaining("no scoring process");
    somewhere.add("1");
    assertThat(isStill(V2, V1)).as("one that has it is back").isTrue();
    somewhere.remove("1");
    somewhere.add("2");
    assertThat(isStill(V2, V1)).as("no member has both").isFalse();
  }

  @Test
  void isStill_oneMemberHasIt_waitsForTheOthersButNotForLong() {
    somewhere.add("2");
    assertThat(isStill(V2, V1)).isTrue();
    now += ScoredLater.OTHERS_NANOS - 1;
    assertThat(isStill(V2, V1)).isTrue();
    now += 1;
    assertThat(isStill(V2, V1)).isFalse();
  }

  @Test
  void isStill_allMembersHaveIt_isNoWait() {
    somewhere.add("2");
    everywhere.add("2");
    assertThat(isStill(V2, V1)).isFalse();
  }

  @Test
  void isStill_theFirstIsLostAgain_waitsAnewForTheNext() {
    somewhere.add("2");
    assertThat(isStill(V2, V1)).isTrue();
    now += ScoredLater.OTHERS_NANOS - 1;
    somewhere.remove("2");
    assertThat(isStill(V2, V1)).isTrue();
    now += 1_000 * MS;
    somewhere.add("2");
    assertThat(isStill(V2, V1)).isTrue();
    now += ScoredLater.OTHERS_NANOS;
    assertThat(isStill(V2, V1)).isFalse();
  }

  /** 2 was taken back before anybody had it, and is promoted again an hour later. */
  @Test
  void isStill_promotedAgainLater_hasItsPatienceAnew() {
    assertThat(isStill(V2, V1)).isTrue();
    later.over("m");
    now += 3_600_000 * MS;
    somewhere.clear();
    assertThat(isStill(V2, V1)).isTrue();
    now += ScoredLater.PATIENCE_NANOS;
    assertThatThrownBy(() -> isStill(V2, V1)).hasMessageContaining("no scoring process");
  }
}
