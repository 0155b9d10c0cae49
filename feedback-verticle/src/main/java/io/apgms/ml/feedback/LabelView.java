package io.apgms.ml.feedback;

import java.time.Instant;
import java.util.UUID;

/** A label as it is kept. */
public record LabelView(UUID id, NewLabel label, Instant recordedAt) {}
