package io.apgms.ml.feedback;

import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Pool;
import java.nio.file.Path;

/**
 * What the module works with.
 *
 * @param replica id that stays with the spool's folder; unique among the replicas
 * @param spoolMaxBytes of decisions not shipped yet; beyond it they are refused
 * @param redactionKeys folder of the keys of pseudonyms; the same for all replicas
 * @param jdbcUrl of the same database as the pool, for the shipper's COPY
 * @param pool opened and closed by the caller
 * @param server of the same database, for connections beside the pool
 * @param timeoutMs bound of every call
 */
public record FeedbackOptions(
    String replica,
    Path spoolDir,
    long spoolMaxBytes,
    Path redactionKeys,
    String jdbcUrl,
    String user,
    String password,
    Pool pool,
    PgConnectOptions server,
    long timeoutMs,
    MeterRegistry meters) {
  /** Without the password. */
  @Override
  public String toString() {
    return "FeedbackOptions[" + jdbcUrl + "]";
  }
}
