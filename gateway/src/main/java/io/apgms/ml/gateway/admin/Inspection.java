package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Publication;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.BiasGate;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.scoring.ScoringException;
import io.apgms.ml.scoring.ScoringRuntime;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A candidate as it lies on disk: a verified copy, and what the gates that are run here and now say
 * of it; what a client says of them does not count.
 *
 * @param publication null where it is published already, or does not verify
 * @param artifact null where it does not verify
 */
record Inspection(
    @Nullable Publication publication,
    @Nullable VerifiedArtifact artifact,
    String digest,
    String policyDigest,
    List<GateResult> results) {
  private static final Logger LOG = LoggerFactory.getLogger(Inspection.class);

  /**
   * Looks. Blocking.
   *
   * @param expected the digest that a ticket names, taken where nothing verifies
   */
  static Inspection of(Candidates candidates, String model, String version, String expected) {
    List<GateResult> results = new ArrayList<>();
    Policy policy = candidates.policy().get();
    Publication publication = null;
    try {
      publication = candidates.stage(model, version);
      VerifiedArtifact artifact =
          publication == null ? candidates.load(model, version) : publication.artifact();
      results.add(result(Gate.integrity, Outcome.pass, artifact.digest()));
      results.add(BiasGate.check(artifact, policy.bias()));
      rehearse(artifact, results);
      return new Inspection(publication, artifact, artifact.digest(), policy.digest(), results);
    } catch (RegistryException.NotFound | RegistryException.Corrupt e) {
      results.add(result(Gate.integrity, Outcome.fail, String.valueOf(e.getMessage())));
      return new Inspection(null, null, expected, policy.digest(), results);
    } catch (RuntimeException e) {
      if (publication != null) {
        publication.close();
      }
      throw e;
    }
  }

  /** A version that does not load here passes no smoke test, whatever the evidence says. */
  private static void rehearse(VerifiedArtifact artifact, List<GateResult> results) {
    try {
      ScoringRuntime.rehearse(artifact);
    } catch (ScoringException e) {
      results.add(result(Gate.smoke, Outcome.fail, "it cannot serve: " + e.getMessage()));
    }
  }

  private static GateResult result(Gate gate, Outcome outcome, String reason) {
    return new GateResult(gate, outcome, List.of(reason));
  }

  /** Makes the copy the published folder, where there is one. */
  Future<Void> publish(Vertx vertx) {
    return publication == null
        ? Future.succeededFuture()
        : vertx.executeBlocking(
            () -> {
              publication.publish();
              return null;
            },
            false);
  }

  /** Removes what was not published; never fails. */
  Future<Void> discard(Vertx vertx) {
    return publication == null
        ? Future.succeededFuture()
        : vertx
            .<Void>executeBlocking(
                () -> {
                  publication.close();
                  return null;
                },
                false)
            .onFailure(e -> LOG.warn("a staging folder is left: {}", e.getMessage()))
            .otherwiseEmpty();
  }
}
