package io.apgms.ml.training.fit;

import io.apgms.ml.training.data.Dataset;
import io.apgms.ml.training.data.ModelSchema;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Weights of rows under which the outcome no longer depends on a protected column: w = P(group)
 * P(outcome) / P(group and outcome) (Kamiran &amp; Calders, Data preprocessing techniques for
 * classification without discrimination, Knowledge and Information Systems 33, 2012). The column
 * weighs the fit; it is no input of the model.
 */
final class Reweighing {
  private Reweighing() {}

  /** A weight for each of {@code rows}; all 1 where the schema asks for no reweighing. */
  static double[] weights(ModelSchema schema, Dataset data, int[] rows) {
    double[] weights = new double[rows.length];
    String column = schema.training().reweigh();
    if (column == null) {
      Arrays.fill(weights, 1);
      return weights;
    }
    ModelSchema.Protected bands = schema.protectedColumn(column);
    String[] cells = data.groups().getOrDefault(column, new String[0]);
    String[] groups = new String[rows.length];
    Map<String, Integer> group = new HashMap<>();
    Map<String, Integer> both = new HashMap<>();
    int positives = 0;
    for (int i = 0; i < rows.length; i++) {
      groups[i] = bands.bandOf(cells[rows[i]]);
      int outcome = data.y()[rows[i]];
      positives += outcome;
      group.merge(groups[i], 1, Integer::sum);
      both.merge(groups[i] + outcome, 1, Integer::sum);
    }
    for (int i = 0; i < rows.length; i++) {
      int outcome = data.y()[rows[i]];
      double ofOutcome = outcome == 1 ? positives : rows.length - positives;
      weights[i] =
          group.getOrDefault(groups[i], 0)
              * ofOutcome
              / ((double) rows.length * both.getOrDefault(groups[i] + outcome, 1));
    }
    return weights;
  }
}
