package io.apgms.ml.gateway.audit;

import io.apgms.ml.feedback.Retention;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes what is past its retention, once an hour, each piece under an entry of the audit log. One
 * piece at a time, so that nobody waits long for it.
 */
public final class RetentionVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(RetentionVerticle.class);
  private static final long FIRST_MS = 60_000;
  private static final long EVERY_MS = 3_600_000;
  private static final long NEXT_MS = 100;

  private final AuditLog audit;
  private final Counter removed;
  private boolean running;

  public RetentionVerticle(AuditLog audit, MeterRegistry meters) {
    this.audit = audit;
    this.removed =
        Counter.builder("apgms_ml_retention_pieces")
            .description("partitions dropped and batches of rows deleted past their retention")
            .register(meters);
  }

  @Override
  public Future<?> start() {
    vertx.setTimer(FIRST_MS, id -> round());
    vertx.setPeriodic(EVERY_MS, id -> round());
    return Future.succeededFuture();
  }

  private void round() {
    if (!running) {
      running = true;
      piece();
    }
  }

  private void piece() {
    next(audit)
        .onFailure(e -> LOG.warn("retention waits for the next hour: {}", e.getMessage()))
        .onComplete(
            done -> {
              if (done.succeeded() && done.result().isPresent()) {
                removed.increment();
                vertx.setTimer(NEXT_MS, id -> piece());
              } else {
                running = false;
              }
            });
  }

  /** Removes the next piece, with its entry; empty when nothing is left or another is at it. */
  public static Future<Optional<Retention.Piece>> next(AuditLog audit) {
    return audit.transaction(c -> Retention.next(c, null, piece -> audit.append(c, record(piece))));
  }

  private static AuditRecord record(Retention.Piece piece) {
    return new AuditRecord(
        "system", "retention." + piece.what(), piece.subject(), Map.copyOf(piece.detail()));
  }
}
