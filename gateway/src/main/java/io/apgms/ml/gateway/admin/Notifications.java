package io.apgms.ml.gateway.admin;

import io.apgms.ml.registry.RegistryDatabase;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.pubsub.PgSubscriber;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What PostgreSQL notifies of. It only makes things quicker: what a notification says is read
 * again, and a lost one costs a period of the control loop.
 */
final class Notifications {
  private static final Logger LOG = LoggerFactory.getLogger(Notifications.class);
  private static final long MAX_RECONNECT_MS = 2_000;

  private Notifications() {}

  /**
   * Listens until the process ends, on a connection that is made again.
   *
   * @param connect null for no notifications
   * @return done once it listens for the first time, or need not: who ends sooner cuts a connection
   *     that is being made
   */
  static Future<Void> listen(Vertx vertx, @Nullable PgConnectOptions connect, Runnable look) {
    if (connect == null) {
      return Future.succeededFuture();
    }
    Promise<Void> listens = Promise.promise();
    PgSubscriber subscriber = PgSubscriber.subscriber(vertx, connect);
    subscriber.reconnectPolicy(retries -> Math.min(MAX_RECONNECT_MS, 100L << Math.min(retries, 5)));
    subscriber
        .channel(RegistryDatabase.CHANNEL)
        .subscribeHandler(v -> listens.tryComplete())
        .handler(payload -> look.run());
    subscriber.connect().onFailure(e -> LOG.warn("no notifications: {}", e.getMessage()));
    return listens.future();
  }
}
