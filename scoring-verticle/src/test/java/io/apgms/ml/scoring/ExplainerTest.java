package io.apgms.ml.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.scoring.Explainer.Estimate;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The axioms of Shapley values, on made-up models whose exact values can be enumerated. */
class ExplainerTest {
  private static final int PAIRS = 64;

  /** A score in [0, 1] of one row. */
  interface Model {
    double score(float[] row);

    default float[] score(float[] rows, int count) {
      int width = rows.length / count;
      float[] scores = new float[count];
      for (int i = 0; i < count; i++) {
        scores[i] = (float) score(Arrays.copyOfRange(rows, i * width, (i + 1) * width));
      }
      return scores;
    }
  }

  /** Sum, pairwise products and a step, through a sigmoid; NaN counts as its own value. */
  private static Model interacting(int features, Random random) {
    double[] weights = random.doubles(features, -1, 1).toArray();
    double[] products = random.doubles(features, -2, 2).toArray();
    double step = random.nextDouble();
    return row -> {
      double sum = 0;
      for (int j = 0; j < features; j++) {
        double next = value(row[(j + 1) % features]);
        sum += weights[j] * value(row[j]) + products[j] * value(row[j]) * next;
      }
      return 1 / (1 + Math.exp(-sum - (value(row[0]) > step ? 1 : 0)));
    };
  }

  private static double value(float input) {
    return Float.isNaN(input) ? 2 : input;
  }

  private static float[] rows(int count, int features, Random random) {
    float[] rows = new float[count * features];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = random.nextInt(10) == 0 ? Float.NaN : random.nextFloat();
    }
    return rows;
  }

  private static Estimate estimate(Model model, float[] background, float[] row) {
    return new Explainer().estimate(model::score, background, row, new Random(1));
  }

  private static double rounded(double score) {
    return ScoringRuntime.rounded((float) score);
  }

  private static double sum(Explanation explanation) {
    double sum = 0;
    for (int j = 0; j < explanation.contributions().length; j++) {
      sum += explanation.contribution(j);
    }
    return sum;
  }

  @Test
  void estimate_anyModelAndCase_sumsToScoreMinusBaseline() {
    for (int seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      int features = 1 + random.nextInt(30);
      Model model = interacting(features, random);
      float[] background = rows(PAIRS, features, random);
      float[] row = rows(1, features, random);
      Estimate estimate = estimate(model, background, row);
      double sum = Arrays.stream(estimate.contributions()).sum();
      assertThat(sum).isCloseTo(estimate.score() - estimate.baseline(), within(1e-12));
      assertThat(estimate.score()).isEqualTo((float) model.score(row));
      Explanation printed = Explanation.of(estimate, rounded(estimate.score()));
      assertThat(sum(printed))
          .isCloseTo(rounded(estimate.score()) - printed.baseline(), within(1e-9));
      assertThat(printed.rowsScored()).isEqualTo(PAIRS + 1 + PAIRS * 2 * (features - 1));
    }
  }

  /** Explainers that are wrong, each in one way; what the sum's check says of them. */
  @Test
  void of_plantedFaults_areCaughtByTheSum() {
    Explainer reverseStopsEarly =
        new Explainer() {
          private int calls;

          @Override
          void credit(float[] walk, int[] order, double[] credits) {
            int[] taken = ++calls % 2 == 0 ? Arrays.copyOf(order, order.length - 1) : order;
            super.credit(walk, taken, credits);
          }
        };
    Explainer notAveraged =
        new Explainer() {
          @Override
          void credit(float[] walk, int[] order, double[] credits) {
            super.credit(walk, order, credits);
            super.credit(walk, order, credits);
          }
        };
    Explainer firstTurnLost =
        new Explainer() {
          @Override
          void credit(float[] walk, int[] order, double[] credits) {
            float[] late = walk.clone();
            late[0] = late[1];
            super.credit(late, order, credits);
          }
        };
    for (Explainer faulty : new Explainer[] {reverseStopsEarly, notAveraged, firstTurnLost}) {
      for (int seed = 0; seed < 50; seed++) {
        Random random = new Random(seed);
        Model model = interacting(8, random);
        float[] background = rows(PAIRS, 8, random);
        Estimate estimate =
            faulty.estimate(model::score, background, rows(1, 8, random), new Random(1));
        assertThatThrownBy(() -> Explanation.of(estimate, rounded(estimate.score())))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("expected at most");
      }
    }
  }

  @Test
  void of_anotherScoreThanTheModelsOwn_isRefused() {
    Random random = new Random(2);
    Estimate estimate =
        estimate(interacting(5, random), rows(PAIRS, 5, random), rows(1, 5, random));
    assertThatThrownBy(() -> Explanation.of(estimate, rounded(estimate.score()) + 1e-4))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void estimate_upToTenFeatures_agreesWithTheExactValues() {
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      int features = 2 + random.nextInt(9);
      Model model = interacting(features, random);
      float[] background = rows(PAIRS, features, random);
      float[] row = rows(1, features, random);
      Estimate estimate = estimate(model, background, row);
      assertThat(farthest(estimate, exact(model, background, row)))
          .as("seed %d", seed)
          .isLessThan(4);
    }
  }

  /** The sum is right, the shares are not. */
  @Test
  void estimate_creditToTheNextFeature_isCaughtByTheExactValues() {
    Explainer faulty =
        new Explainer() {
          @Override
          void credit(float[] walk, int[] order, double[] credits) {
            super.credit(walk, Arrays.stream(order).map(j -> (j + 1) % 6).toArray(), credits);
          }
        };
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      Model model = interacting(6, random);
      float[] background = rows(PAIRS, 6, random);
      float[] row = rows(1, 6, random);
      Estimate estimate = faulty.estimate(model::score, background, row, new Random(1));
      assertThat(Explanation.of(estimate, rounded(estimate.score()))).isNotNull();
      assertThat(farthest(estimate, exact(model, background, row))).isGreaterThan(4);
    }
  }

  /** Most standard errors that a contribution is off. */
  private static double farthest(Estimate estimate, double[] exact) {
    double farthest = 0;
    for (int j = 0; j < exact.length; j++) {
      double off = Math.abs(estimate.contributions()[j] - exact[j]);
      farthest = Math.max(farthest, off / (estimate.standardErrors()[j] + 1e-7));
    }
    return farthest;
  }

  /** By the definition: every subset of the other features, weighted. */
  private static double[] exact(Model model, float[] background, float[] row) {
    int features = row.length;
    double[] value = new double[1 << features];
    for (int set = 0; set < value.length; set++) {
      float[] mixed = background.clone();
      for (int i = 0; i < mixed.length; i++) {
        mixed[i] = (set >> (i % features) & 1) == 1 ? row[i % features] : mixed[i];
      }
      for (float score : model.score(mixed, mixed.length / features)) {
        value[set] += score * (double) features / mixed.length;
      }
    }
    double[] exact = new double[features];
    for (int set = 0; set < value.length; set++) {
      int size = Integer.bitCount(set);
      double weight = 1.0 / features;
      for (int k = 1; k <= size; k++) {
        weight *= (double) k / (features - k); // |S|! (n−|S|−1)! / n!
      }
      for (int j = 0; j < features; j++) {
        if ((set >> j & 1) == 0) {
          exact[j] += weight * (value[set | 1 << j] - value[set]);
        }
      }
    }
    return exact;
  }

  @Test
  void estimate_featureThatTheModelIgnores_getsNothing() {
    Random random = new Random(3);
    Model six = interacting(6, random);
    Model seven = row -> six.score(Arrays.copyOf(row, 6));
    Estimate estimate = estimate(seven, rows(PAIRS, 7, random), rows(1, 7, random));
    assertThat(estimate.contributions()[6]).isZero();
    assertThat(Explanation.of(estimate, rounded(estimate.score())).contribution(6)).isZero();
  }

  @Test
  void estimate_twoFeaturesInTheSameRole_getTheSameWithinTheError() {
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      Model model = row -> 1 / (1 + Math.exp(-row[0] * row[1] * 3 - row[2] * (row[0] + row[1])));
      float[] background = new float[PAIRS * 3];
      for (int i = 0; i < background.length; i += 3) {
        background[i] = background[i + 1] = random.nextFloat();
        background[i + 2] = random.nextFloat();
      }
      float[] row = {0.9f, 0.9f, random.nextFloat()};
      Estimate estimate = estimate(model, background, row);
      double error = estimate.standardErrors()[0] + estimate.standardErrors()[1];
      assertThat(estimate.contributions()[0])
          .isCloseTo(estimate.contributions()[1], within(3 * error + 1e-7));
    }
  }

  @Test
  void estimate_additiveModel_isExact() {
    Random random = new Random(4);
    double[] weights = {0.1, 0.05, -0.2, 0.3};
    Model model =
        row ->
            0.3
                + weights[0] * row[0]
                + weights[1] * row[1]
                + weights[2] * row[2]
                + weights[3] * row[3] * row[3];
    float[] background = new float[PAIRS * 4];
    for (int i = 0; i < background.length; i++) {
      background[i] = random.nextFloat();
    }
    float[] row = {0.2f, 0.9f, 0.4f, 0.7f};
    Estimate estimate = estimate(model, background, row);
    for (int j = 0; j < 4; j++) {
      double mean = 0;
      for (int i = j; i < background.length; i += 4) {
        mean += (j == 3 ? background[i] * background[i] : background[i]) / (double) PAIRS;
      }
      double own = j == 3 ? row[j] * row[j] : row[j];
      assertThat(estimate.contributions()[j]).isCloseTo(weights[j] * (own - mean), within(1e-6));
    }
  }

  @Test
  void estimate_caseThatIsTheBackground_explainsNothing() {
    Random random = new Random(5);
    float[] row = rows(1, 6, random);
    float[] background = new float[PAIRS * 6];
    for (int i = 0; i < background.length; i++) {
      background[i] = row[i % 6];
    }
    Estimate estimate = estimate(interacting(6, random), background, row);
    assertThat(estimate.contributions()).containsOnly(0);
    assertThat(estimate.standardErrors()).containsOnly(0);
  }

  @Test
  void estimate_manyFeatures_asksForFewRowsAtATime() {
    int[] most = {0};
    Random random = new Random(6);
    Model model = interacting(40, random);
    new Explainer()
        .estimate(
            (rows, count) -> {
              most[0] = Math.max(most[0], count);
              return model.score(rows, count);
            },
            rows(PAIRS, 40, random),
            rows(1, 40, random),
            new Random(1));
    assertThat(most[0]).isBetween(1, Explainer.CALL_ROWS);
  }
}
