package io.apgms.ml.registry;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is to be written into the audit log.
 *
 * @param actor who acts: the token's subject, or {@code system}; 1 to 255 characters
 * @param action what is done, for example {@code rollback}; 1 to 64 characters
 * @param subject what it is done to, for example a model id; 1 to 255 characters
 * @param detail JSON values by key; null values are left out; at most 64 KiB as JSON
 */
public record AuditRecord(
    String actor, String action, String subject, Map<String, @Nullable Object> detail) {
  public AuditRecord {
    Text.require("actor", actor, Text.MAX_ID);
    Text.require("action", action, 64);
    Text.require("subject", subject, Text.MAX_ID);
    detail = Collections.unmodifiableMap(new HashMap<>(detail));
  }
}
