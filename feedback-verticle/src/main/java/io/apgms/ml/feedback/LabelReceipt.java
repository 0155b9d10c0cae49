package io.apgms.ml.feedback;

import java.time.Instant;
import java.util.UUID;

/** Proof that a label is committed. */
public record LabelReceipt(UUID id, Instant recordedAt) {}
