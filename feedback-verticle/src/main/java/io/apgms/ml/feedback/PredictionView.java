package io.apgms.ml.feedback;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A decision with what became of it.
 *
 * @param labels newest first by observedAt, the first one counts; null while the database is away
 * @param actionState of its hold: pending, sent, cancelled or dead; null where there is none
 */
public record PredictionView(
    Decision decision, @Nullable List<LabelView> labels, @Nullable String actionState) {
  public PredictionView {
    labels = labels == null ? null : List.copyOf(labels);
  }
}
