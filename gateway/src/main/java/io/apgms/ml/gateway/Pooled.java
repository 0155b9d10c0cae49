package io.apgms.ml.gateway;

import io.apgms.ml.gateway.cluster.Clustering;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ScoringVerticle;
import io.apgms.ml.scoring.pool.PoolMember;
import io.apgms.ml.scoring.pool.RemoteScoring;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxBuilder;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.transport.Transport;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/**
 * Where rows are scored: in this process, as long as it has the roles edge and scoring or neither;
 * else in a pool of processes, and Vert.x is clustered.
 *
 * @param parts to be deployed before anything is loaded
 * @param scoring as the API listener is to take it
 */
record Pooled(Vertx vertx, ScoringRuntime runtime, List<Part> parts, Settings.Scoring scoring) {
  private static final long BOUND_SECONDS = 60;

  record Part(Supplier<Deployable> verticle, int instances) {}

  Pooled {
    parts = List.copyOf(parts);
  }

  static Pooled start(Settings settings, PrometheusMeterRegistry meters, Transport transport)
      throws IOException, InterruptedException {
    Settings.Scoring scoring = settings.scoring();
    if (!settings.cluster().apart()) {
      Vertx vertx = Metrics.vertx(meters, transport, new EventBusOptions()).build();
      ScoringRuntime runtime = new ScoringRuntime(scoring.batchRows(), meters);
      Part own = new Part(() -> new ScoringVerticle(runtime, scoring.queueRows()), 1);
      boolean apart = scoring.ownLoop() || !settings.cluster().edge();
      return new Pooled(vertx, runtime, apart ? List.of(own) : List.of(), scoring);
    }
    Clustering clustering = new Clustering(settings.cluster());
    VertxBuilder builder =
        Metrics.vertx(meters, transport, clustering.eventBus())
            .withClusterManager(clustering.manager());
    Vertx vertx = await(builder.buildClustered());
    clustering.keepEntered(vertx);
    return settings.cluster().edge()
        ? edge(settings, meters, vertx, clustering)
        : member(settings, meters, vertx, clustering);
  }

  private static Pooled edge(
      Settings settings, PrometheusMeterRegistry meters, Vertx vertx, Clustering clustering) {
    AtomicReference<ScoringRuntime> described = new AtomicReference<>();
    RemoteScoring remote = new RemoteScoring(described::get, meters, settings.cluster().retry());
    ScoringRuntime runtime = ScoringRuntime.describing(meters, remote);
    described.set(runtime);
    clustering.onLeft(remote::left);
    Settings.Scoring scoring = settings.scoring();
    return new Pooled(
        vertx,
        runtime,
        List.of(new Part(() -> remote, 1)),
        new Settings.Scoring(scoring.queueRows(), scoring.batchRows(), true));
  }

  private static Pooled member(
      Settings settings, PrometheusMeterRegistry meters, Vertx vertx, Clustering clustering) {
    ScoringRuntime runtime = new ScoringRuntime(settings.scoring().batchRows(), meters);
    Part member =
        new Part(
            () ->
                new PoolMember(
                    runtime,
                    clustering.node(),
                    settings.scoring().queueRows(),
                    settings.cluster().windowRows()),
            settings.http().loops());
    clustering.onLeft(node -> {});
    return new Pooled(vertx, runtime, List.of(member), settings.scoring());
  }

  private static <T> T await(Future<T> future) throws IOException, InterruptedException {
    try {
      return future.toCompletionStage().toCompletableFuture().get(BOUND_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IOException("the cluster cannot be joined: " + e.getCause(), e);
    } catch (TimeoutException e) {
      throw new IOException("the cluster was not joined within " + BOUND_SECONDS + " s", e);
    }
  }
}
