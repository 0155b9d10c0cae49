package io.apgms.ml.registry;

import io.vertx.core.Future;
import java.time.Duration;
import java.util.Optional;

/**
 * How far another system has been told of the audit log, which holds every step that was taken and
 * none that was not. One replica at a time moves it, by a lease.
 *
 * @param <S> what is told
 */
public interface LogCursor<S extends LogCursor.Told> {
  /** What is told, by the number of its audit row. */
  interface Told {
    long seq();
  }

  /** Whether the holder may go on: nobody else's lease runs, or it is its own. */
  Future<Boolean> lease(String holder, Duration lease);

  /** The first that has not been told. */
  Future<Optional<S>> next();

  /** It has been told. */
  Future<Void> done(long seq);

  /** It will not be told, and why. */
  Future<Void> skipped(long seq, String reason);
}
