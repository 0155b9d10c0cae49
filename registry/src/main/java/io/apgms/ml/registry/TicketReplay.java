package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;

/**
 * A replay that was attached to a ticket. It is there to be read; no approval is bound to it.
 *
 * @param n 1, 2, 3 … of the ticket
 * @param digest {@code sha256:…} of the document's bytes
 * @param author who attached it
 */
public record TicketReplay(
    int n, ReplaySummary summary, String digest, String author, Instant at, UUID auditId) {}
