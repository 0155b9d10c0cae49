package io.apgms.ml.training.fit;

import io.apgms.ml.training.fit.InputTransform.Lane;
import io.apgms.ml.training.fit.InputTransform.RatioLane;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Made-up fitted models of many shapes, with rows for them. */
public final class RandomModels {
  private RandomModels() {}

  /** A model and rows that hit knots, codes, ends and missing values. */
  @SuppressWarnings("ArrayRecordComponent") // test rows, never compared
  public record Case(FittedModel model, float[] rows) {}

  public static Case make(long seed) {
    return make(seed, true);
  }

  public static Case make(long seed, boolean missing) {
    Rng rng = new Rng(seed);
    int columns = 1 + rng.below(40);
    List<Lane> lanes = new ArrayList<>();
    for (int c = 0; c < columns; c++) {
      lanes.add(lane(rng, missing && rng.below(3) == 0));
    }
    List<RatioLane> ratios = new ArrayList<>();
    for (int r = rng.below(4); r > 0; r--) {
      RatioLane ratio = new RatioLane(rng.below(columns), rng.below(columns), 1);
      boolean nullable =
          lanes.get(ratio.numerator()).missing() || lanes.get(ratio.denominator()).missing();
      ratios.add(ratio);
      lanes.add(new Lane(knots(rng, 9, 1), scores(rng, 9), nullable, List.of(), -10_000));
    }
    InputTransform transform = InputTransform.of(lanes, ratios);
    List<Integer> hidden =
        List.of(List.<Integer>of(), List.of(1 + rng.below(32)), List.of(16, 8)).get(rng.below(3));
    int members = rng.below(2) == 0 ? 1 : 4;
    List<Mlp> nets = new ArrayList<>();
    for (int m = 0; m < members; m++) {
      nets.add(Mlp.random(transform.width(), hidden, rng));
    }
    FittedModel model =
        new FittedModel(
            transform, nets, Collections.nCopies(members, 1), Collections.nCopies(members, 0.0));
    return new Case(model, rows(rng, lanes.subList(0, columns), 64));
  }

  private static Lane lane(Rng rng, boolean missing) {
    int kind = rng.below(3);
    List<Integer> codes = kind == 0 ? List.of() : List.of(-2, -1, 0, 1, 5, 7);
    if (kind == 1) {
      return new Lane(new float[0], new double[0], missing, codes, -1000);
    }
    int knots = List.of(1, 2, 9, 33, 257).get(rng.below(5));
    double reach = kind == 2 ? 10 : 1000;
    return new Lane(knots(rng, knots, reach), scores(rng, knots), missing, codes, -1000);
  }

  private static float[] knots(Rng rng, int n, double reach) {
    float[] knots = new float[n];
    double at = -reach * rng.uniform();
    for (int i = 0; i < n; i++) {
      knots[i] = (float) at;
      at += reach * (0.01 + rng.uniform()) / n;
    }
    return knots;
  }

  private static double[] scores(Rng rng, int n) {
    double[] scores = new double[n];
    double at = -2.6;
    for (int i = 0; i < n; i++) {
      scores[i] = at;
      at += 5.2 * rng.uniform() / n;
    }
    return scores;
  }

  private static float[] rows(Rng rng, List<Lane> columns, int count) {
    float[] rows = new float[count * columns.size()];
    for (int i = 0; i < rows.length; i++) {
      Lane lane = columns.get(i % columns.size());
      int kind = rng.below(6);
      if (kind == 0 && lane.missing()) {
        rows[i] = Float.NaN;
      } else if (!lane.codes().isEmpty()) {
        rows[i] = rng.below(20) - 8;
      } else if (kind == 1) {
        rows[i] = lane.knots()[rng.below(lane.knots().length)];
      } else {
        rows[i] = (float) (1000 * (2 * rng.uniform() - 1));
      }
    }
    return rows;
  }
}
