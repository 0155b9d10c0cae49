package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;

/**
 * What the gates said, as it was brought to a ticket. The newest counts; approvals are of one.
 *
 * @param n 1, 2, 3 … of the ticket
 * @param digest {@code sha256:…} of the document's bytes
 * @param author who brought it
 */
public record TicketEvidence(
    int n, GateEvidence evidence, String digest, String author, Instant at, UUID auditId) {}
