package io.apgms.ml.training.data;

import java.util.Map;

/**
 * A decision with its outcome, as the feature store has it.
 *
 * @param inputs by column name, NaN where missing
 * @param groups cells of protected columns, as the caller named them
 * @param positive whether the outcome was the adverse one
 */
public record LabelledCase(
    Map<String, Float> inputs, Map<String, String> groups, boolean positive) {}
