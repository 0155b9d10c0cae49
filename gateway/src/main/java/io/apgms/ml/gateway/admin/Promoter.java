package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.PromoteCommand;
import io.apgms.ml.registry.Promotions.Preflight;
import io.apgms.ml.registry.Publication;
import io.apgms.ml.registry.RegistryDatabase;
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
 * A promotion from the asked candidate to the last replica: verify a copy of it and run again what
 * can be run here, decide in one transaction, publish, follow the pointer.
 */
final class Promoter {
  private static final Logger LOG = LoggerFactory.getLogger(Promoter.class);

  private final Vertx vertx;
  private final RegistryDatabase registry;
  private final Candidates candidates;
  private final Rollouts rollouts;

  Promoter(Vertx vertx, RegistryDatabase registry, Candidates candidates, Rollouts rollouts) {
    this.vertx = vertx;
    this.registry = registry;
    this.candidates = candidates;
    this.rollouts = rollouts;
  }

  /** What is asked for. */
  record Asked(String model, String version, String ticket, String actor, String reason) {}

  /**
   * What was found on disk; nothing to publish where it is published already, or does not verify.
   */
  private record Inspected(
      @Nullable Publication publication,
      String digest,
      String policyDigest,
      List<GateResult> results) {}

  Future<Rollouts.Outcome> promote(Asked asked) {
    long started = System.nanoTime();
    return rollouts
        .requireUnpinnedReplicas(asked.model())
        .compose(v -> registry.promotions().begin(asked.model(), asked.ticket(), asked.actor()))
        .compose(
            before ->
                vertx
                    .executeBlocking(() -> inspect(asked, before), false)
                    .compose(found -> decide(asked, before, found)))
        .compose(change -> rollouts.settle(change, started));
  }

  private Future<io.apgms.ml.registry.Change> decide(
      Asked asked, Preflight before, Inspected found) {
    PromoteCommand command =
        new PromoteCommand(
            asked.model(),
            asked.version(),
            found.digest(),
            asked.ticket(),
            asked.actor(),
            asked.reason(),
            before.revision(),
            found.policyDigest(),
            found.results());
    return registry
        .promotions()
        .promote(command, () -> publish(found.publication()))
        .eventually(() -> discard(found.publication()));
  }

  private Future<Void> publish(@Nullable Publication publication) {
    return publication == null
        ? Future.succeededFuture()
        : vertx.executeBlocking(
            () -> {
              publication.publish();
              return null;
            },
            false);
  }

  private Future<Void> discard(@Nullable Publication publication) {
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

  /** The gates that are run here and now; what a client says of them does not count. */
  private Inspected inspect(Asked asked, Preflight before) {
    List<GateResult> results = new ArrayList<>();
    Policy policy = candidates.policy().get();
    Publication publication = null;
    try {
      publication = candidates.stage(asked.model(), asked.version());
      VerifiedArtifact artifact =
          publication == null
              ? candidates.load(asked.model(), asked.version())
              : publication.artifact();
      results.add(result(Gate.integrity, Outcome.pass, artifact.digest()));
      results.add(BiasGate.check(artifact, policy.bias()));
      rehearse(artifact, results);
      return new Inspected(publication, artifact.digest(), policy.digest(), results);
    } catch (RegistryException.NotFound | RegistryException.Corrupt e) {
      results.add(result(Gate.integrity, Outcome.fail, String.valueOf(e.getMessage())));
      String expected = before.ticket().ticket().manifestDigest();
      return new Inspected(null, expected, policy.digest(), results);
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
}
