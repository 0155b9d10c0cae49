package io.apgms.ml.feedback;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A decision with what became of it.
 *
 * @param labels newest first by observedAt, the first one counts; null while the database is away
 * @param actionState of its hold: pending, sent, cancelled or dead; null where there is none
 * @param actions one a sink, oldest action first; null in lists and while the database is away
 */
public record PredictionView(
    Decision decision,
    @Nullable List<LabelView> labels,
    @Nullable String actionState,
    @Nullable List<ActionView> actions) {
  public PredictionView {
    actions = actions == null ? null : List.copyOf(actions);
    labels = labels == null ? null : List.copyOf(labels);
  }
}
