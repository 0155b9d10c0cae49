package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;

/**
 * One row of the audit log.
 *
 * @param seq 1, 2, 3 … without a gap
 * @param id the audit id that answers and tickets refer to
 * @param at the database's clock, microseconds
 * @param detail canonical JSON: keys sorted, no white space; its UTF-8 bytes are hashed
 * @param prevHash the {@code hash} of the row before, 64 zeros for the first
 * @param hash lower-case hex SHA-256 over prevHash's 32 bytes followed by: seq (8 bytes, big
 *     endian), id (16 bytes), at in microseconds since 1970 (8 bytes), then actor, action, subject
 *     and detail, each as its length in UTF-8 bytes (4 bytes, big endian) and those bytes
 */
public record AuditEntry(
    long seq,
    UUID id,
    Instant at,
    String actor,
    String action,
    String subject,
    String detail,
    String prevHash,
    String hash) {}
