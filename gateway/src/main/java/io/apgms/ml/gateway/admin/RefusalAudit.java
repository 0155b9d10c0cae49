package io.apgms.ml.gateway.admin;

import io.apgms.ml.gateway.http.Caller;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes who was refused an admin route into the audit log: the subject, the route's pattern, its
 * roles; nothing else of the request. One row a second at most, so that a refused caller cannot
 * fill the chain; every refusal is counted in {@code apgms_ml_http_refused_total}.
 */
public final class RefusalAudit implements BiConsumer<Caller, String> {
  private static final Logger LOG = LoggerFactory.getLogger(RefusalAudit.class);
  private static final long ONE_ROW_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final AuditLog audit;
  private final AtomicLong last = new AtomicLong(System.nanoTime() - ONE_ROW_NANOS);

  public RefusalAudit(AuditLog audit) {
    this.audit = audit;
  }

  @Override
  public void accept(Caller caller, String route) {
    long before = last.get();
    long now = System.nanoTime();
    if (now - before < ONE_ROW_NANOS || !last.compareAndSet(before, now)) {
      return;
    }
    audit
        .append(
            new AuditRecord(
                caller.subject(),
                "refused",
                route,
                Map.of("roles", caller.roles().stream().sorted().toList())))
        .onFailure(e -> LOG.warn("a refusal could not be audited: {}", e.getMessage()));
  }
}
