package io.apgms.ml.gateway.audit;

import io.apgms.ml.feedback.DecisionSeals;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import io.apgms.ml.registry.ChainCheck;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.sqlclient.SqlConnection;
import java.io.IOException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Seals stored decisions into the audit chain, exports the chain's head, and checks the chain.
 *
 * <p>A head is exported only where it continues the one exported before: so the newest exported one
 * vouches for all, and a log that was cut or rewritten is exported no more until someone has
 * looked.
 *
 * <p>Deployed on worker threads: it hashes and writes files. One round of each kind at a time.
 */
public final class AuditVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(AuditVerticle.class);
  private static final int FULL_CHECK_EVERY = 4; // heads: four minutes
  private static final long MORE_MS = 1_000; // at most a row a second

  /**
   * What it works with.
   *
   * @param seals whether decisions are logged
   * @param sealMs between two seals
   * @param headMs between two exported heads
   */
  public record Parts(
      AuditLog audit,
      HeadFiles heads,
      boolean seals,
      int sealMs,
      int headMs,
      MeterRegistry meters) {}

  private final Parts parts;
  private volatile double intact = Double.NaN;
  private volatile long exportedNanos = System.nanoTime();
  private boolean sealing;
  private boolean exporting;
  private int maxBatches = DecisionSeals.MAX_BATCHES;
  private long round;

  public AuditVerticle(Parts parts) {
    this.parts = parts;
    Gauge.builder("apgms_ml_audit_chain_intact", this, v -> v.intact)
        .description("1 where the last check found the audit chain whole, 0 where it did not")
        .register(parts.meters());
    Gauge.builder("apgms_ml_audit_head_age_seconds", this, AuditVerticle::headAgeSeconds)
        .description("since a head of the audit chain was exported, or since the start")
        .register(parts.meters());
  }

  private double headAgeSeconds() {
    return (System.nanoTime() - exportedNanos) / 1e9;
  }

  @Override
  public Future<?> start() {
    if (parts.seals()) {
      vertx.setPeriodic(parts.sealMs(), id -> seal());
    }
    vertx.setPeriodic(parts.headMs(), id -> export());
    export();
    return Future.succeededFuture();
  }

  private void seal() {
    if (sealing) {
      return;
    }
    sealing = true;
    parts
        .audit()
        .transaction(
            c ->
                DecisionSeals.seal(c, maxBatches, seal -> append(c, seal))
                    .map(made -> made.map(DecisionSeals.Seal::more).orElse(false)))
        .onSuccess(again -> maxBatches = Math.min(2 * maxBatches, DecisionSeals.MAX_BATCHES))
        .onFailure(
            e -> {
              // Perhaps there was not the time for so many.
              maxBatches = Math.max(64, maxBatches / 2);
              LOG.warn("decisions wait to be sealed: {}", e.getMessage());
            })
        .onComplete(
            done -> {
              sealing = false;
              if (done.succeeded() && done.result()) {
                vertx.setTimer(MORE_MS, id -> seal());
              }
            });
  }

  private Future<Long> append(SqlConnection c, DecisionSeals.Seal seal) {
    AuditRecord record =
        new AuditRecord(
            "system",
            "seal",
            "decisions",
            Map.of(
                "root",
                HexFormat.of().formatHex(seal.root()),
                "batches",
                seal.batches(),
                "decisions",
                seal.decisions()));
    return parts.audit().append(c, record).map(AuditEntry::seq);
  }

  private void export() {
    if (exporting) {
      return;
    }
    exporting = true;
    AuditHead last = parts.heads().last().map(SignedHead::head).orElse(AuditHead.EMPTY);
    boolean full = round++ % FULL_CHECK_EVERY == 0;
    Future<ChainCheck> all =
        full ? parts.audit().verify(last) : Future.succeededFuture(new ChainCheck(0, null, null));
    all.compose(
            check ->
                check.intact()
                    ? parts.audit().since(last)
                    : Future.succeededFuture(new AuditLog.Checked(check, last)))
        .onSuccess(this::found)
        .onFailure(e -> LOG.warn("no audit head exported: {}", e.getMessage()))
        .onComplete(done -> exporting = false);
  }

  private void found(AuditLog.Checked found) {
    ChainCheck check = found.check();
    boolean whole = check.intact();
    if (!whole && intact != 0) {
      LOG.error("the audit chain is broken at seq {}: {}", check.firstBadSeq(), check.reason());
    }
    intact = whole ? 1 : 0;
    if (!whole) {
      return;
    }
    try {
      parts.heads().append(found.reached(), Instant.now());
      exportedNanos = System.nanoTime();
    } catch (IOException e) {
      LOG.error("no audit head exported: {}", e.getMessage());
    }
  }
}
