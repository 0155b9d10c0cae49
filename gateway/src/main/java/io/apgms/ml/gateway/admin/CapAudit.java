package io.apgms.ml.gateway.admin;

import io.apgms.ml.gateway.decision.ActionCap;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.AuditRecord;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells that a model reached its cap of holds: each capped one is counted for an alert, and one row
 * a minute and model goes to the audit log.
 */
public final class CapAudit implements ActionCap.Watch {
  private static final Logger LOG = LoggerFactory.getLogger(CapAudit.class);

  private final AuditLog audit;
  private final MeterRegistry meters;
  private final int perMinute;

  public CapAudit(AuditLog audit, MeterRegistry meters, int perMinute) {
    this.audit = audit;
    this.meters = meters;
    this.perMinute = perMinute;
  }

  /** Models come from the registry, so that labels are bounded. */
  @Override
  public void capped(String modelId) {
    counter(meters, modelId).increment();
  }

  /** There before the first one: a series that begins above 0 has not risen, and alerts nobody. */
  static Counter counter(MeterRegistry meters, String modelId) {
    return Counter.builder("apgms_ml_action_capped").tag("model", modelId).register(meters);
  }

  @Override
  public void reached(String modelId) {
    LOG.warn("{} reached {} holds a minute: observe for the rest", modelId, perMinute);
    audit
        .append(new AuditRecord("system", "cap", modelId, Map.of("holdsPerMinute", perMinute)))
        .onFailure(e -> LOG.warn("a cap could not be audited: {}", e.getMessage()));
  }
}
