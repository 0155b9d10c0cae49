package io.apgms.ml.gateway;

import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Deployments;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.VersionDigest;
import io.apgms.ml.registry.gate.Gates;
import io.apgms.ml.registry.gate.Policy;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.Pool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings a database to where the service can work: tables, and the shipped versions entered. */
final class Bootstrap {
  private static final Logger LOG = LoggerFactory.getLogger(Bootstrap.class);
  private static final long RETRY_MS = 2_000;
  private static final int CALL_MS = 10_000; // first statements on a cold server; no request waits
  private final Vertx vertx;
  private final DatabaseAddress address;
  private final ArtifactStore store;
  private final Policy policy;

  Bootstrap(Vertx vertx, DatabaseAddress address, ArtifactStore store, Policy policy) {
    this.policy = policy;
    this.vertx = vertx;
    this.address = address;
    this.store = store;
  }

  /** Once; fails when the database is away. */
  Future<Void> run() {
    return vertx
        .executeBlocking(
            () -> {
              Database.migrate(address);
              return shipped();
            })
        .compose(this::enter);
  }

  /** Again every two seconds until it is done. */
  void retry() {
    vertx
        .timer(RETRY_MS, TimeUnit.MILLISECONDS)
        .compose(t -> run())
        .onSuccess(v -> LOG.info("the database is there, its schema is up to date"))
        .onFailure(e -> retry());
  }

  private Future<Void> enter(Map<String, List<VersionDigest>> shipped) {
    Pool pool = Database.pool(vertx, address, "bootstrap", 1, CALL_MS);
    Deployments deployments = new RegistryDatabase(pool, Duration.ofMillis(CALL_MS)).deployments();
    Future<Void> all = Future.succeededFuture();
    for (Map.Entry<String, List<VersionDigest>> model : shipped.entrySet()) {
      all =
          all.compose(
              v ->
                  deployments
                      .bootstrap(
                          model.getKey(),
                          model.getValue(),
                          "shipped with the project, entered because ML_AUTH is dev")
                      .mapEmpty());
    }
    return all.eventually(pool::close);
  }

  /** No evidence and no approvals are shipped: what needs them is not passed. */
  private List<String> notPassed(VerifiedArtifact artifact) {
    Stream<String> gates =
        Gates.decide(artifact, policy, null).stream()
            .filter(result -> result.outcome() != GateResult.Outcome.pass)
            .map(result -> result.gate().name());
    return Stream.concat(gates, Stream.of("approvals")).toList();
  }

  /** What verifies; an artifact that does not is left out, and the log says why. */
  private Map<String, List<VersionDigest>> shipped() {
    Map<String, List<VersionDigest>> shipped = new LinkedHashMap<>();
    for (String model : store.models()) {
      List<VersionDigest> versions = new ArrayList<>();
      for (String version : store.versions(model)) {
        try {
          VerifiedArtifact artifact = store.load(model, version);
          versions.add(new VersionDigest(version, artifact.digest(), notPassed(artifact)));
        } catch (RegistryException e) {
          LOG.error("{} {} is not entered: {}", model, version, e.getMessage());
        }
      }
      if (!versions.isEmpty()) {
        shipped.put(model, versions);
      }
    }
    return shipped;
  }
}
