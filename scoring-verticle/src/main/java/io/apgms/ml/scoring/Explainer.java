package io.apgms.ml.scoring;

import java.util.Random;

/**
 * Interventional Shapley values of one score by permutation sampling (Štrumbelj and Kononenko 2014,
 * Knowledge and Information Systems 41), each permutation walked with its reverse (antithetic
 * sampling; Mitchell et al. 2022, JMLR 23).
 *
 * <p>A walk turns a background row into the case, one feature after the other, and credits each
 * feature with what its turn changes. Whatever the order, a walk's credits sum to f(case) −
 * f(background row), so their means over all walks sum to f(case) − mean f(background).
 */
class Explainer {
  /** Rows of one call of the model, and so between two looks at a deadline. */
  static final int CALL_ROWS = 256;

  /** Scores row-major rows; may throw to cut the work off. */
  interface Scorer {
    float[] score(float[] rows, int rowCount);
  }

  /**
   * What the walks gave, unrounded.
   *
   * @param contributions mean credit of each feature
   * @param standardErrors of these means, over background rows and permutations alike
   * @param baseline mean score of the background
   * @param score of the case
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  record Estimate(
      double[] contributions,
      double[] standardErrors,
      double baseline,
      double score,
      int rowsScored) {}

  /**
   * Explains a case against background rows, one pair of walks for each.
   *
   * @param background row-major, at least two rows
   * @param random draws the permutations
   */
  Estimate estimate(Scorer model, float[] background, float[] theCase, Random random) {
    int features = theCase.length;
    int pairs = background.length / features;
    int[][] orders = new int[pairs][];
    for (int i = 0; i < pairs; i++) {
      orders[i] = permutation(features, random);
    }
    float[] ends = ends(model, background, theCase);
    float[] walk = new float[features + 1];
    walk[features] = ends[pairs];
    Means means = new Means(features);
    int steps = features - 1; // rows of a walk that are neither its background row nor the case
    int perCall = Math.max(1, CALL_ROWS / Math.max(1, 2 * steps));
    for (int first = 0; first < pairs; first += perCall) {
      int next = Math.min(first + perCall, pairs);
      float[] rows = new float[(next - first) * 2 * steps * features];
      for (int i = first, at = 0; i < next; i++, at += 2 * steps * features) {
        walk(background, i, theCase, orders[i], rows, at);
        walk(background, i, theCase, reversed(orders[i]), rows, at + steps * features);
      }
      float[] scores = steps == 0 ? new float[0] : model.score(rows, rows.length / features);
      for (int i = first, at = 0; i < next; i++, at += 2 * steps) {
        double[] credits = new double[features];
        walk[0] = ends[i];
        System.arraycopy(scores, at, walk, 1, steps);
        credit(walk, orders[i], credits);
        System.arraycopy(scores, at + steps, walk, 1, steps);
        credit(walk, reversed(orders[i]), credits);
        means.add(credits);
      }
    }
    return means.estimate(ends, (pairs * 2 * steps) + pairs + 1);
  }

  /** The scores of the background rows, then that of the case: where the walks begin and end. */
  private static float[] ends(Scorer model, float[] background, float[] theCase) {
    int features = theCase.length;
    int rows = background.length / features + 1;
    float[] all = java.util.Arrays.copyOf(background, rows * features);
    System.arraycopy(theCase, 0, all, background.length, features);
    return model.score(all, rows);
  }

  private static void walk(
      float[] background, int row, float[] theCase, int[] order, float[] rows, int at) {
    int features = theCase.length;
    float[] now = new float[features];
    System.arraycopy(background, row * features, now, 0, features);
    for (int step = 0; step < features - 1; step++) {
      now[order[step]] = theCase[order[step]];
      System.arraycopy(now, 0, rows, at + step * features, features);
    }
  }

  /**
   * Adds half of what each feature's turn changed along one walk: a pair has two.
   *
   * @param walk scores from the background row to the case
   */
  void credit(float[] walk, int[] order, double[] credits) {
    for (int step = 0; step < order.length; step++) {
      credits[order[step]] += ((double) walk[step + 1] - walk[step]) / 2;
    }
  }

  /** Fisher and Yates. */
  private static int[] permutation(int n, Random random) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  private static int[] reversed(int[] order) {
    int[] reversed = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      reversed[i] = order[order.length - 1 - i];
    }
    return reversed;
  }

  /** Running mean and variance of the pairs' credits (Welford 1962). */
  private static final class Means {
    private final double[] mean;
    private final double[] squares;
    private int count;

    Means(int features) {
      mean = new double[features];
      squares = new double[features];
    }

    void add(double[] credits) {
      count++;
      for (int j = 0; j < mean.length; j++) {
        double off = credits[j] - mean[j];
        mean[j] += off / count;
        squares[j] += off * (credits[j] - mean[j]);
      }
    }

    Estimate estimate(float[] ends, int rowsScored) {
      double baseline = 0;
      for (int i = 0; i < count; i++) {
        baseline += ends[i];
      }
      double[] errors = new double[mean.length];
      for (int j = 0; j < errors.length; j++) {
        errors[j] = Math.sqrt(squares[j] / (count - 1) / count);
      }
      return new Estimate(mean, errors, baseline / count, ends[count], rowsScored);
    }
  }
}
