package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.PromoteCommand;
import io.apgms.ml.registry.Promotions.Preflight;
import io.apgms.ml.registry.RegistryDatabase;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/**
 * A promotion from the asked candidate to the last replica: verify a copy of it and run again what
 * can be run here, decide in one transaction, publish, follow the pointer.
 */
final class Promoter {
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

  private Inspection inspect(Asked asked, Preflight before) {
    String expected = before.ticket().ticket().manifestDigest();
    return Inspection.of(candidates, asked.model(), asked.version(), expected);
  }

  private Future<io.apgms.ml.registry.Change> decide(
      Asked asked, Preflight before, Inspection found) {
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
        .promote(command, () -> found.publish(vertx))
        .eventually(() -> found.discard(vertx));
  }
}
