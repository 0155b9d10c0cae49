package io.apgms.ml.scoring;

import static io.apgms.ml.scoring.TestModels.CREDIT;
import static io.apgms.ml.scoring.TestModels.IDENTITY;
import static io.apgms.ml.scoring.TestModels.NEW;
import static io.apgms.ml.scoring.TestModels.OLD;
import static io.apgms.ml.scoring.TestModels.RISK;
import static io.apgms.ml.scoring.TestModels.TINY;
import static io.apgms.ml.scoring.TestModels.shipped;
import static io.apgms.ml.scoring.TestModels.tiny;
import static io.apgms.ml.scoring.TestModels.withBytes;
import static io.apgms.ml.scoring.TestModels.withGolden;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ScoringRuntimeTest {
  private final ScoringRuntime runtime = TestModels.runtime();

  private ServedModel prepare(String model, String version) {
    return runtime.prepare(shipped(model, version));
  }

  /** A version's holder; the use counted on the way is given back. */
  private LoadedModel holder(String model, String version) {
    LoadedModel loaded = runtime.acquire(model, version);
    loaded.release();
    return loaded;
  }

  @EachShippedArtifact
  void prepare_shippedArtifact_givesItsGoldenScores(String model, String version) {
    VerifiedArtifact artifact = shipped(model, version);
    ServedModel served = runtime.prepare(artifact);
    assertThat(served.modelId()).isEqualTo(model);
    assertThat(served.version()).isEqualTo(version);
    assertThat(served.digest()).isEqualTo(artifact.digest());
    assertThat(served.threshold()).isEqualTo(artifact.manifest().threshold());
    assertThat(served.golden()).isEqualTo(artifact.golden()).isNotEmpty();
    for (GoldenRow row : artifact.golden()) {
      double[] score = TestModels.scores(holder(model, version), row.toTensor(served.features()));
      assertThat(score).hasSize(1);
      assertThat(Math.abs(score[0] - row.score())).isLessThanOrEqualTo(ScoringRuntime.TOLERANCE);
    }
  }

  @EachShippedArtifact
  void score_aloneOrAmong64_isTheSameWithinTheTolerance(String model, String version) {
    assertThat(countOfDifferences(model, version)).isZero();
  }

  /** Of 64 times 20 random rows, those that score otherwise alone than in a batch of 64. */
  private int countOfDifferences(String model, String version) {
    ServedModel served = prepare(model, version);
    LoadedModel loaded = holder(model, version);
    int differences = 0;
    for (long seed = 0; seed < 20; seed++) {
      float[] rows = TestModels.rows(served.features(), 64, seed);
      float[] together = loaded.torch().score(rows, 64);
      double[] alone = TestModels.scores(loaded, rows);
      for (int i = 0; i < alone.length; i++) {
        double difference = Math.abs(ScoringRuntime.rounded(together[i]) - alone[i]);
        assertThat(alone[i]).isBetween(0.0, 1.0);
        differences += difference <= ScoringRuntime.TOLERANCE ? 0 : 1;
      }
    }
    return differences;
  }

  @Test
  void revoke_loadedVersions_areRetiredTheActiveOneToo() {
    prepare(RISK, OLD);
    prepare(RISK, NEW);
    runtime.activate(RISK, NEW);
    assertThat(runtime.whyNone(RISK, "20200101")).isEqualTo(ScoreResult.Outcome.NO_VERSION);

    runtime.revoke(Map.of(RISK, Set.of(OLD, "20200101"), "unknown", Set.of(OLD)));
    assertThat(runtime.active(RISK).version()).isEqualTo(NEW);
    assertThat(runtime.acquire(RISK, OLD)).isNull();
    assertThat(runtime.whyNone(RISK, OLD)).isEqualTo(ScoreResult.Outcome.REVOKED);
    assertThat(runtime.whyNone(RISK, "20200101")).isEqualTo(ScoreResult.Outcome.REVOKED);
    assertThat(runtime.knows("unknown")).isFalse();

    LoadedModel inUse = runtime.acquire(RISK, null);
    runtime.revoke(Map.of(RISK, Set.of(OLD, NEW)));
    assertThat(runtime.active(RISK)).isNull();
    assertThat(runtime.knows(RISK)).isTrue();
    assertThat(runtime.acquire(RISK, null)).isNull();
    assertThat(runtime.whyNone(RISK, null)).isEqualTo(ScoreResult.Outcome.NO_MODEL);
    assertThat(inUse.torch().score(new float[12], 1)).as("until its last use").hasSize(1);
    inUse.release();

    runtime.revoke(Map.of());
    assertThat(runtime.whyNone(RISK, OLD)).isEqualTo(ScoreResult.Outcome.NO_MODEL);
    prepare(RISK, OLD);
    runtime.activate(RISK, OLD);
    assertThat(runtime.active(RISK).version()).isEqualTo(OLD);
  }

  @Test
  void expect_modelThatCannotBeServed_isKnownAndHasNoModel() {
    prepare(RISK, OLD);
    runtime.activate(RISK, OLD);
    runtime.expect(RISK);
    assertThat(runtime.active(RISK).version()).as("not forgotten").isEqualTo(OLD);

    runtime.expect("refused");
    assertThat(runtime.knows("refused")).isTrue();
    assertThat(runtime.active("refused")).isNull();
    assertThat(runtime.whyNone("refused", OLD)).isEqualTo(ScoreResult.Outcome.NO_MODEL);
  }

  @Test
  void prepare_noTorchScript_isRefusedAndNothingChanges() {
    ServedModel before = prepare(RISK, OLD);
    runtime.activate(RISK, OLD);
    VerifiedArtifact artifact = shipped(RISK, NEW);
    byte[] cut = Arrays.copyOf(artifact.torchScript(), artifact.torchScript().length / 2);
    for (byte[] bytes : List.of(new byte[0], "no archive".getBytes(UTF_8), cut)) {
      assertThatThrownBy(() -> runtime.prepare(withBytes(artifact, bytes)))
          .isInstanceOf(ScoringException.NotTorchScript.class)
          .hasMessageContaining("not a TorchScript archive");
    }
    assertThat(runtime.loaded(RISK, NEW)).isNull();
    assertThat(runtime.active(RISK)).isSameAs(before);
  }

  @Test
  void prepare_codeThatIsNoTorchScript_isRefused() {
    assertThatThrownBy(() -> runtime.prepare(tiny(OLD, "return nonsense(input)")))
        .isInstanceOf(ScoringException.NotTorchScript.class);
  }

  @Test
  void prepare_forwardRaises_isNotTorchScript() {
    VerifiedArtifact raising =
        tiny(OLD, "ops.prim.RaiseException(\"out of order\")", "return input");
    assertThatThrownBy(() -> runtime.prepare(raising))
        .isInstanceOf(ScoringException.NotTorchScript.class)
        .hasMessageContaining("out of order");
  }

  @Test
  void prepare_anotherWidth_isNotTorchScript() {
    VerifiedArtifact risk = shipped(RISK, OLD);
    assertThatThrownBy(() -> runtime.prepare(withBytes(risk, shipped(CREDIT, OLD).torchScript())))
        .isInstanceOf(ScoringException.NotTorchScript.class)
        .hasMessageContaining("columns");
  }

  @Test
  void prepare_wrongGoldenRow_isGoldenMismatchNamingBothScores() {
    VerifiedArtifact artifact = shipped(RISK, OLD);
    for (int i = 0; i < artifact.golden().size(); i++) {
      GoldenRow row = artifact.golden().get(i);
      double wrong = row.score() < 0.5 ? row.score() + 1e-5 : row.score() - 1e-5;
      List<GoldenRow> golden = new ArrayList<>(artifact.golden());
      golden.set(i, new GoldenRow(row.inputs(), wrong));
      assertThatThrownBy(() -> runtime.prepare(withGolden(artifact, golden)))
          .isInstanceOf(ScoringException.GoldenMismatch.class)
          .hasMessageContainingAll("golden row " + i, "expected " + wrong);
    }
    assertThat(runtime.loaded(RISK, OLD)).isNull();
  }

  @Test
  void prepare_anotherVersionsBytes_isGoldenMismatch() {
    byte[] other = shipped(RISK, NEW).torchScript();
    assertThatThrownBy(() -> runtime.prepare(withBytes(shipped(RISK, OLD), other)))
        .isInstanceOf(ScoringException.GoldenMismatch.class);
  }

  @Test
  void prepare_goldenScoreIsNotANumber_isGoldenMismatch() {
    VerifiedArtifact nan = tiny(OLD, "return torch.mul(torch.select(input, 1, 0), float(\"nan\"))");
    assertThatThrownBy(() -> runtime.prepare(nan))
        .isInstanceOf(ScoringException.GoldenMismatch.class)
        .hasMessageContaining("NaN");
  }

  @Test
  void prepare_severalScoresForOneRow_isAScoringException() {
    assertThatThrownBy(
            () ->
                runtime.prepare(
                    tiny(OLD, "x = torch.select(input, 1, 0)", "return torch.cat([x, x])")))
        .isInstanceOf(ScoringException.class);
  }

  @Test
  void prepare_forwardRaisesForSeveralRows_isAScoringException() {
    VerifiedArtifact single =
        tiny(
            OLD,
            "if torch.gt(torch.size(input, 0), 1):",
            "  ops.prim.RaiseException(\"one row only\")",
            "else:",
            "  pass",
            IDENTITY);
    assertThatThrownBy(() -> runtime.prepare(single)).isInstanceOf(ScoringException.class);
    assertThat(runtime.loaded(TINY, OLD)).isNull();
  }

  @Test
  void prepare_oneScoreForSeveralRows_isAScoringException() {
    assertThatThrownBy(() -> runtime.prepare(tiny(OLD, "return torch.mean(input, [0])")))
        .isInstanceOf(ScoringException.class);
  }
}
