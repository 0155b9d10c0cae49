package io.apgms.ml.registry.drift.planted;

/**
 * A violation for ArchitectureTest: figures of drift are worked out without a thread or a table.
 */
public final class SeesVertx {
  private SeesVertx() {}

  static void wait(io.vertx.core.Vertx vertx) {
    vertx.setTimer(1, id -> {});
  }
}
