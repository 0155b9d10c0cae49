package io.apgms.ml.registry.gate;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GatesTest {
  private static final VerifiedArtifact ARTIFACT = BiasFixture.fair().artifact();
  private static final Policy POLICY = Policy.read(Path.of("../conf/policy.yaml"));
  private static final GateResult SMOKE =
      new GateResult(Gate.smoke, Outcome.pass, List.of("p95 3 ms"));
  private static final GateResult AGAIN =
      new GateResult(Gate.reproducibility, Outcome.pass, List.of("bit-identical"));

  private static GateEvidence evidence(String manifest, String policy, GateResult... results) {
    return new GateEvidence("risk-score", "20261123", manifest, policy, List.of(results));
  }

  private static List<Outcome> outcomes(GateEvidence evidence) {
    return Gates.decide(ARTIFACT, POLICY, evidence).stream().map(GateResult::outcome).toList();
  }

  @Test
  void decide_evidenceOfThisArtifactAndPolicy_counts() {
    assertThat(outcomes(evidence(ARTIFACT.digest(), POLICY.digest(), SMOKE, AGAIN)))
        .containsOnly(Outcome.pass)
        .hasSize(4);
  }

  @Test
  void decide_noEvidenceOrOfSomethingElse_isInconclusive() {
    String other = "sha256:" + "1".repeat(64);
    List<Outcome> halfKnown =
        List.of(Outcome.pass, Outcome.pass, Outcome.inconclusive, Outcome.inconclusive);

    assertThat(outcomes(null)).isEqualTo(halfKnown);
    assertThat(outcomes(evidence(other, POLICY.digest(), SMOKE, AGAIN))).isEqualTo(halfKnown);
    assertThat(outcomes(evidence(ARTIFACT.digest(), other, SMOKE, AGAIN))).isEqualTo(halfKnown);
    assertThat(outcomes(evidence(ARTIFACT.digest(), POLICY.digest(), SMOKE)))
        .containsExactly(Outcome.pass, Outcome.pass, Outcome.inconclusive, Outcome.pass);
  }

  @Test
  void decide_evidenceThatPassesBias_isNotAskedForIt() {
    VerifiedArtifact biased =
        new BiasFixture()
            .band("sex", "female", 10_000, 2_000, 900, 1_000, 0.2)
            .band("sex", "male", 10_000, 2_000, 100, 1_000, 0.2)
            .artifact();
    GateResult told = new GateResult(Gate.bias, Outcome.pass, List.of("believe me"));

    assertThat(
            Gates.decide(biased, POLICY, evidence(biased.digest(), POLICY.digest(), told)).get(1))
        .matches(r -> r.gate() == Gate.bias && r.outcome() == Outcome.fail);
  }

  @Test
  void evidence_writtenAndRead_isTheSame() {
    GateEvidence made =
        evidence(
            ARTIFACT.digest(), POLICY.digest(), BiasGate.check(ARTIFACT, POLICY.bias()), SMOKE);

    GateEvidence read = GateEvidence.parse(made.toJson());
    assertThat(read.results().get(0).measured()).as("figures stand in no document").isEmpty();
    assertThat(read.results().get(0).reasons()).isEqualTo(made.results().get(0).reasons());
    assertThat(read.toJson()).isEqualTo(made.toJson());
    assertThat(made.digest()).startsWith("sha256:");
  }

  /** Neither can be written again, or read by the database: refused, not a failure of ours. */
  @Test
  void evidence_holdsNulOrHalfAPair_isRefused() {
    String json = new String(evidence(ARTIFACT.digest(), POLICY.digest(), SMOKE).toJson(), UTF_8);
    for (String bad : List.of("\\u0000", "\\ud800", "x".repeat(20_001))) {
      String changed = json.replaceFirst("\"reasons\":\\[\"", "$0" + Matcher.quoteReplacement(bad));
      assertThat(changed).isNotEqualTo(json);
      assertThatThrownBy(() -> GateEvidence.parse(changed.getBytes(UTF_8)))
          .isInstanceOf(RegistryException.Invalid.class)
          .hasMessageStartingWith("reason ");
    }
  }

  @Test
  void integrity_noArtifact_fails(@TempDir Path empty) {
    Gates.Integrity result =
        Gates.Integrity.of(ArtifactStore.withoutSignatures(empty), "risk-score", "20261123");

    assertThat(result.artifact()).isNull();
    assertThat(result.result().outcome()).isEqualTo(Outcome.fail);
  }
}
