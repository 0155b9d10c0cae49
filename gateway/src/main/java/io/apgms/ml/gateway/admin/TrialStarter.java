package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.Trial;
import io.apgms.ml.registry.TrialBounds;
import io.apgms.ml.registry.TrialCommand;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.ScoringException;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A trial from the asked version to its first request: verify it, decide in one transaction,
 * follow. With a ticket the version is inspected and published as a promotion would.
 */
final class TrialStarter {
  private final Vertx vertx;
  private final RegistryDatabase registry;
  private final Candidates candidates;
  private final ScoringRuntime runtime;
  private final ControlVerticle control;

  TrialStarter(
      Vertx vertx,
      RegistryDatabase registry,
      Candidates candidates,
      ScoringRuntime runtime,
      ControlVerticle control) {
    this.vertx = vertx;
    this.registry = registry;
    this.candidates = candidates;
    this.runtime = runtime;
    this.control = control;
  }

  /** What is asked for. */
  record Asked(
      String model,
      Trial.Kind kind,
      String version,
      @Nullable String ticket,
      TrialBounds bounds,
      String actor,
      String reason) {}

  Future<Trial> start(Asked asked) {
    return registry
        .controlState()
        .map(
            state ->
                state
                    .pointer(asked.model())
                    .orElseThrow(
                        () ->
                            new RegistryException.NotFound(
                                "model " + asked.model() + " is unknown")))
        .compose(
            pointer -> asked.ticket() == null ? untried(asked, pointer) : approved(asked, pointer))
        .compose(trial -> control.refresh().otherwiseEmpty().map(trial));
  }

  /** A candidate, by the ticket that approves it. */
  private Future<Trial> approved(Asked asked, Pointer pointer) {
    return registry
        .promotions()
        .begin(asked.model(), String.valueOf(asked.ticket()), asked.actor())
        .compose(
            before -> {
              String expected = before.ticket().ticket().manifestDigest();
              return vertx.executeBlocking(
                  () -> Inspection.of(candidates, asked.model(), asked.version(), expected), false);
            })
        .compose(
            found -> {
              if (found.artifact() != null) {
                requireSameFeatures(found.artifact());
              }
              return registry
                  .trials()
                  .start(command(asked, pointer, found), () -> found.publish(vertx))
                  .eventually(() -> found.discard(vertx));
            });
  }

  /** A version that was active before, by the digest it then had; or a shadow. */
  private Future<Trial> untried(Asked asked, Pointer pointer) {
    return registry
        .deployments()
        .history(asked.model())
        .map(
            newestFirst ->
                newestFirst.stream()
                    .filter(d -> d.version().equals(asked.version()))
                    .findFirst()
                    .map(io.apgms.ml.registry.Deployment::digest))
        .compose(digest -> vertx.executeBlocking(() -> load(asked, digest.orElse(null)), false))
        .compose(
            artifact ->
                registry
                    .trials()
                    .start(
                        command(
                            asked,
                            pointer,
                            new Inspection(null, artifact, artifact.digest(), "", List.of())),
                        Future::succeededFuture));
  }

  private VerifiedArtifact load(Asked asked, @Nullable String digest) {
    VerifiedArtifact artifact =
        digest == null
            ? candidates.load(asked.model(), asked.version())
            : candidates.load(asked.model(), asked.version(), digest);
    requireSameFeatures(artifact);
    try {
      ScoringRuntime.rehearse(artifact);
    } catch (ScoringException e) {
      throw new RegistryException.Conflict(asked.version() + " cannot serve: " + e.getMessage());
    }
    return artifact;
  }

  private static TrialCommand command(Asked asked, Pointer pointer, Inspection found) {
    return new TrialCommand(
        asked.model(),
        asked.kind(),
        asked.version(),
        found.digest(),
        asked.ticket(),
        asked.bounds(),
        asked.actor(),
        asked.reason(),
        pointer.revision(),
        found.policyDigest().isEmpty() ? null : found.policyDigest(),
        found.results());
  }

  /** One row is read for both: by the active version's schema. */
  private void requireSameFeatures(VerifiedArtifact second) {
    String model = second.manifest().model();
    ServedModel active = runtime.active(model);
    if (active == null) {
      throw new RegistryException.Conflict(
          "no version of " + model + " serves here, expected one to compare with");
    }
    String expected = told(active.features());
    String offered = told(second.manifest().features());
    if (!offered.equals(expected)) {
      throw new RegistryException.Conflict(
          second.manifest().version() + " takes " + offered + ", expected " + expected);
    }
  }

  private static String told(List<Feature> features) {
    return features.stream()
        .map(f -> f.name() + " " + f.type() + (f.nullable() ? " or null" : ""))
        .collect(Collectors.joining(", "));
  }
}
