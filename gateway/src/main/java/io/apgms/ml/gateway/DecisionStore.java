package io.apgms.ml.gateway;

import io.apgms.ml.feedback.FeedbackOptions;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.gateway.settings.Settings;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.sqlclient.Pool;
import java.io.IOException;
import java.nio.file.Files;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What keeps decisions and labels, as the settings have it. */
final class DecisionStore {
  private static final Logger LOG = LoggerFactory.getLogger(DecisionStore.class);

  private DecisionStore() {}

  /**
   * The spool's folder is named by the format of its tuples, so that one of the release before is
   * never read as this one's. It is left as it is: an orderly stop has shipped what it held, and
   * after a crash the release before ships it when it is started once more.
   */
  static FeedbackVerticle open(
      Settings settings, DataDir data, DatabaseAddress address, Pool pool, MeterRegistry meters)
      throws IOException {
    if (Files.exists(data.path().resolve("spool-1"))) {
      LOG.warn("spool-1 is the spool of the release before; decisions left in it are not shipped");
    }
    int timeoutMs = settings.database().timeoutMs();
    return new FeedbackVerticle(
        new FeedbackOptions(
            data.replicaId(),
            data.path().resolve("spool-2"),
            settings.data().spoolMaxBytes(),
            settings.data().redactionKeys(),
            address.jdbcUrl(),
            address.user(),
            address.password(),
            pool,
            Database.connectOptions(address, timeoutMs),
            timeoutMs,
            meters));
  }
}
