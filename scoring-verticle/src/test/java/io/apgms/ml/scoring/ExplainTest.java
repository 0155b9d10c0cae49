package io.apgms.ml.scoring;

import static io.apgms.ml.scoring.TestModels.IDENTITY;
import static io.apgms.ml.scoring.TestModels.NEW;
import static io.apgms.ml.scoring.TestModels.OLD;
import static io.apgms.ml.scoring.TestModels.RISK;
import static io.apgms.ml.scoring.TestModels.TINY;
import static io.apgms.ml.scoring.TestModels.shipped;
import static io.apgms.ml.scoring.TestModels.tiny;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ExplainTest {
  private final ScoringRuntime runtime = TestModels.runtime();

  private static long inAMinute() {
    return System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
  }

  private double score(ServedModel model, float[] row) {
    LoadedModel loaded = runtime.acquire(model.modelId(), model.version());
    try {
      return TestModels.scores(loaded, row)[0];
    } finally {
      loaded.release();
    }
  }

  private Explanation explain(ServedModel model, float[] row) {
    ExplainResult result = runtime.explain(model, row, score(model, row), inAMinute());
    assertThat(result.outcome()).isEqualTo(Outcome.SCORED);
    return result.explanation();
  }

  @EachShippedArtifact
  void explain_byAShippedArtifact_sumsToScoreMinusBaseline(String model, String version) {
    ServedModel served = runtime.prepare(shipped(model, version));
    int width = served.features().size();
    float[] rows = TestModels.rows(served.features(), 50, 1);
    double baseline = Double.NaN;
    for (int i = 0; i < rows.length; i += width) {
      float[] row = Arrays.copyOfRange(rows, i, i + width);
      Explanation explanation = explain(served, row);
      double sum = 0;
      for (int j = 0; j < width; j++) {
        sum += explanation.contribution(j);
      }
      assertThat(sum).isCloseTo(score(served, row) - explanation.baseline(), within(1e-9));
      assertThat(explanation.standardError()).isBetween(0.0, 0.1);
      assertThat(explanation.baseline()).isBetween(0.0, 1.0);
      if (i > 0) {
        assertThat(explanation.baseline()).as("a version has one").isEqualTo(baseline);
      }
      baseline = explanation.baseline();
    }
  }

  @EachShippedArtifact
  void explain_again_isTheSame(String model, String version) {
    ServedModel served = runtime.prepare(shipped(model, version));
    float[] row = TestModels.rows(served.features(), 1, 2);
    Explanation first = explain(served, row);
    ServedModel anew = runtime.prepare(shipped(model, version)); // as another replica does
    Explanation second = explain(anew, row);
    assertThat(second.contributions()).isEqualTo(first.contributions());
    assertThat(second.baseline()).isEqualTo(first.baseline());
    assertThat(second.standardError()).isEqualTo(first.standardError());
  }

  @Test
  void explain_byTwoVersions_isEachOnesOwn() {
    ServedModel before = runtime.prepare(shipped(RISK, OLD));
    ServedModel now = runtime.prepare(shipped(RISK, NEW));
    runtime.activate(RISK, NEW);
    float[] row = TestModels.rows(now.features(), 1, 3);
    assertThat(explain(before, row).baseline()).isNotEqualTo(explain(now, row).baseline());
  }

  @Test
  void explain_oneFeature_getsTheWholeDifference() {
    ServedModel served = runtime.prepare(tiny(OLD, IDENTITY));
    Explanation explanation = explain(served, new float[] {0.75f});
    assertThat(explanation.baseline()).as("of the golden row").isEqualTo(0.25);
    assertThat(explanation.contribution(0)).isEqualTo(0.5);
    assertThat(explanation.standardError()).isZero();
  }

  @Test
  void explain_pastTheDeadline_isExpiredBeforeTheModelRuns() {
    ServedModel served = runtime.prepare(shipped(RISK, NEW));
    float[] row = TestModels.rows(served.features(), 1, 4);
    ExplainResult late = runtime.explain(served, row, score(served, row), System.nanoTime());
    assertThat(late).isEqualTo(new ExplainResult(Outcome.EXPIRED, null));
  }

  @Test
  void explain_versionRetiredOrReplaced_isNoVersion() {
    ServedModel before = runtime.prepare(shipped(RISK, OLD));
    float[] row = TestModels.rows(before.features(), 1, 5);
    VerifiedArtifact same = shipped(RISK, OLD);
    runtime.prepare(
        new VerifiedArtifact(same.manifest(), "sha256:1", same.torchScript(), same.golden()));
    assertThat(runtime.explain(before, row, 0.5, inAMinute()).outcome())
        .isEqualTo(Outcome.NO_VERSION);
    before = runtime.prepare(same);
    runtime.retain(RISK, Set.of());
    assertThat(runtime.explain(before, row, 0.5, inAMinute()).outcome())
        .isEqualTo(Outcome.NO_VERSION);
  }

  @Test
  void explain_modelGivesNoScoreOnTheWay_isInvalidOutput() {
    ServedModel served = runtime.prepare(tiny(OLD, IDENTITY));
    ExplainResult result = runtime.explain(served, new float[] {1.5f}, 0.5, inAMinute());
    assertThat(result).isEqualTo(new ExplainResult(Outcome.INVALID_OUTPUT, null));
    assertThat(served.modelId()).isEqualTo(TINY);
  }

  @Test
  void explain_anotherScoreThanTheModels_isFailed() {
    ServedModel served = runtime.prepare(tiny(OLD, IDENTITY));
    ExplainResult result = runtime.explain(served, new float[] {0.75f}, 0.5, inAMinute());
    assertThat(result).isEqualTo(new ExplainResult(Outcome.FAILED, null));
  }
}
