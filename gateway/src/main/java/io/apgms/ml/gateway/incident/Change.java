package io.apgms.ml.gateway.incident;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Something that was changed, by somebody or by itself.
 *
 * @param version the one that serves since, where it is of that kind
 * @param left the one that served before
 * @param auditId where the audit log has it
 */
public record Change(
    Instant at,
    Kind kind,
    String what,
    @Nullable String version,
    @Nullable String left,
    @Nullable String auditId) {

  /** What sort of change. */
  public enum Kind {
    promote,
    rollback,
    pin,
    bootstrap,
    unpin,
    mode,
    restart,
    replica
  }

  static Change of(Instant at, Kind kind, String what) {
    return new Change(at, kind, what, null, null, null);
  }

  /** Whether another version serves since. */
  boolean deploys() {
    return version != null && kind != Kind.bootstrap;
  }
}
