package io.apgms.ml.gateway;

import io.apgms.ml.feedback.ActionLease;
import io.apgms.ml.feedback.ActionOptions;
import io.apgms.ml.feedback.ActionSink;
import io.apgms.ml.feedback.FeedbackOptions;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.feedback.WebhookSecrets;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.List;

/** The control of every test of a forced observe: a dispatcher that asks nobody before it sends. */
final class CarelessDispatcher implements AutoCloseable {
  private final Vertx vertx = Vertx.vertx();

  /** It runs once this returns, beside whoever else dispatches from that database. */
  CarelessDispatcher(Path dir, String database, String sink, int concurrency) {
    DatabaseAddress address = DatabaseAddress.parse(database);
    FeedbackVerticle feedback =
        new FeedbackVerticle(
            new FeedbackOptions(
                "careless",
                dir.resolve("other-spool"),
                1 << 20,
                dir.resolve("other-keys"),
                address.jdbcUrl(),
                address.user(),
                address.password(),
                Database.pool(vertx, address, "careless", 4, 5_000),
                Database.connectOptions(address, 5_000),
                5_000,
                new SimpleMeterRegistry()));
    PlantedService.await(vertx.deployVerticle(feedback));
    ActionLease always =
        (model, tenant, entity) -> new ActionLease.Verdict(ActionLease.May.ACT, "nobody");
    ActionOptions to =
        new ActionOptions(
            List.of(ActionSink.of(sink, true)),
            WebhookSecrets.of(ReceivingSink.SECRET),
            true,
            concurrency,
            always);
    PlantedService.await(vertx.deployVerticle(feedback.dispatcher(to)));
  }

  @Override
  public void close() {
    PlantedService.await(vertx.close());
  }
}
