package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.RegistryException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The registry's tables over one connection of a command's own, which asks no service. */
final class DirectRegistry {
  private DirectRegistry() {}

  /**
   * Opens it; closed with Vert.x.
   *
   * @param name as PostgreSQL shows it
   * @param callMs bound of a statement
   */
  static RegistryDatabase open(Vertx vertx, Settings settings, String name, int callMs)
      throws IOException {
    return new RegistryDatabase(
        Database.pool(vertx, ReplayCommand.database(settings), name, 1, callMs),
        Duration.ofMillis(callMs));
  }

  /** What a call comes to, within twice a statement's bound. */
  static <T> T await(Future<T> future, int callMs) throws InterruptedException {
    try {
      return future
          .toCompletionStage()
          .toCompletableFuture()
          .get(2L * callMs, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RegistryException refused) {
        throw refused;
      }
      throw new Failure(Failure.UNAVAILABLE, String.valueOf(e.getCause()));
    } catch (TimeoutException e) {
      throw new Failure(Failure.UNAVAILABLE, "no answer within " + 2 * callMs + " ms");
    }
  }
}
