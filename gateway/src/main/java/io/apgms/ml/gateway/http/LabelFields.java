package io.apgms.ml.gateway.http;

import io.apgms.ml.feedback.NewLabel;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A label as it is sent, alone or as a line of many: one set of rules. */
final class LabelFields {
  private static final Duration CLOCK_SKEW = Duration.ofMinutes(5);
  private static final int RETENTION_MONTHS = 18;

  private LabelFields() {}

  /**
   * Reads every field of a label and refuses any other.
   *
   * @param subject who submits where the label does not say
   * @param now observed at this time where the label does not say
   */
  static NewLabel read(Fields fields, String subject, Instant now) {
    UUID predictionId = fields.uuid("predictionId");
    String modelId = fields.required("modelId", 64);
    String modelVersion = fields.required("modelVersion", 16);
    NewLabel.Label label = fields.word("label", NewLabel.Label.class);
    NewLabel.Source source = fields.word("source", NewLabel.Source.class);
    String submittedBy = fields.optional("submittedBy", 128);
    String notes = fields.optional("notes", 2_000);
    String metadata = fields.object("metadata", 16_384);
    Instant observedAt = fields.time("observedAt");
    requireInRange(fields, observedAt, now);
    fields.check();
    if (predictionId == null || label == null || source == null) {
      throw new IllegalStateException("checked fields are there");
    }
    return new NewLabel(
        predictionId,
        modelId,
        modelVersion,
        label,
        source,
        submittedBy == null ? subject : submittedBy,
        notes,
        metadata,
        observedAt == null ? now : observedAt);
  }

  private static void requireInRange(Fields fields, @Nullable Instant observedAt, Instant now) {
    if (observedAt == null) {
      return;
    }
    Instant oldest = now.atOffset(ZoneOffset.UTC).minusMonths(RETENTION_MONTHS).toInstant();
    if (observedAt.isAfter(now.plus(CLOCK_SKEW)) || observedAt.isBefore(oldest)) {
      fields.refuse("observedAt", observedAt + ", expected a time from " + oldest + " to now");
    }
  }
}
