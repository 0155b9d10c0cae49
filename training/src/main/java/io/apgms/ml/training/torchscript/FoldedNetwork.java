package io.apgms.ml.training.torchscript;

import io.apgms.ml.training.fit.FittedModel;
import io.apgms.ml.training.fit.InputTransform.Lane;
import io.apgms.ml.training.fit.Mlp;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A fitted model rewritten so that libtorch needs few operations for it. Every input of the network
 * is a sum of ramps r(x) = clamp(x - low, 0, gap) / gap: a piecewise linear score has one between
 * each two knots, a code c of an integer is the ramp from c - 1 less the ramp from c, and a missing
 * value is put below every value, where a ramp tells it from all others. These sums are folded into
 * the weights of the first layer; the members become blocks of one network.
 */
final class FoldedNetwork {
  private final FittedModel model;
  private final List<Ramp> ramps = new ArrayList<>();
  private final double[] base;

  private FoldedNetwork(FittedModel model) {
    this.model = model;
    this.base = new double[model.transform().width()];
  }

  /** One ramp of a column and what it adds to up to two network inputs. */
  private record Ramp(int column, float low, float gap, List<Share> shares) {}

  private record Share(int input, double factor) {}

  static FoldedNetwork of(FittedModel model) {
    FoldedNetwork folded = new FoldedNetwork(model);
    int input = 0;
    List<Lane> lanes = model.transform().lanes();
    for (int c = 0; c < lanes.size(); c++) {
      Lane lane = lanes.get(c);
      folded.addScore(c, lane, input);
      folded.addCodes(c, lane, input + lane.inputs() - lane.codes().size());
      input += lane.inputs();
    }
    if (folded.ramps.isEmpty()) { // all columns constant: one ramp of no weight
      folded.ramps.add(new Ramp(0, 0, 1, List.of()));
    }
    return folded;
  }

  /** The value a missing one is replaced by: below every value and every code of the column. */
  static float fill(Lane lane) {
    int lowestCode = lane.codes().stream().min(Integer::compare).orElse(Integer.MAX_VALUE);
    double lowest = Math.min(lane.lowest(), lowestCode);
    double knot = lane.scored() ? lane.knots()[0] : lowest;
    lowest = Math.min(lowest, knot);
    return (float) (lowest - Math.max(2, Math.abs(lowest) / 8));
  }

  private void addScore(int column, Lane lane, int input) {
    if (!lane.scored()) {
      return;
    }
    base[input] = lane.scores()[0];
    for (int k = 0; k + 1 < lane.knots().length; k++) {
      double gap = (double) lane.knots()[k + 1] - lane.knots()[k];
      double step = lane.scores()[k + 1] - lane.scores()[k];
      ramps.add(new Ramp(column, lane.knots()[k], (float) gap, List.of(new Share(input, step))));
    }
    if (lane.missing()) {
      float fill = fill(lane);
      double gap = Math.min(lane.lowest(), lane.knots()[0]) - fill;
      // 0 for a missing value, 1 for every other: score 0 and indicator 1, else as above.
      base[input] = 0;
      base[input + 1] = 1;
      List<Share> shares = List.of(new Share(input, lane.scores()[0]), new Share(input + 1, -1));
      ramps.add(new Ramp(column, fill, (float) gap, shares));
    }
  }

  private void addCodes(int column, Lane lane, int first) {
    for (int at : lane.codes().stream().flatMapToInt(c -> edges(c)).distinct().sorted().toArray()) {
      List<Share> shares = new ArrayList<>();
      for (int i = 0; i < lane.codes().size(); i++) {
        int code = lane.codes().get(i);
        if (code == at + 1) {
          shares.add(new Share(first + i, 1));
        } else if (code == at) {
          shares.add(new Share(first + i, -1));
        }
      }
      ramps.add(new Ramp(column, at, 1, List.copyOf(shares)));
    }
  }

  private static IntStream edges(int code) {
    return IntStream.of(code - 1, code);
  }

  long[] columns() {
    return ramps.stream().mapToLong(Ramp::column).toArray();
  }

  float[] lows() {
    float[] out = new float[ramps.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = ramps.get(i).low();
    }
    return out;
  }

  float[] gaps() {
    float[] out = new float[ramps.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = ramps.get(i).gap();
    }
    return out;
  }

  int layers() {
    return model.members().get(0).layers();
  }

  int inputs(int layer) {
    return layer == 0 ? ramps.size() : model.members().get(0).size(layer) * model.members().size();
  }

  int outputs(int layer) {
    return model.members().get(0).size(layer + 1) * model.members().size();
  }

  /** Weights [in, out] of a layer, the members side by side. */
  float[] weights(int layer) {
    int width = outputs(layer);
    float[] out = new float[inputs(layer) * width];
    for (int m = 0; m < model.members().size(); m++) {
      Mlp net = model.members().get(m);
      int column = m * net.size(layer + 1);
      for (int j = 0; j < net.size(layer + 1); j++) {
        if (layer == 0) {
          rampWeights(net, j, out, column + j);
        } else {
          for (int i = 0; i < net.size(layer); i++) {
            out[(m * net.size(layer) + i) * width + column + j] = (float) net.weight(layer, i, j);
          }
        }
      }
    }
    return out;
  }

  // What rounding to float32 leaves over is carried to the next ramp of the column: the sum of many
  // ramps that are all at their end is then as exact as one of them.
  private void rampWeights(Mlp net, int unit, float[] out, int at) {
    int width = outputs(0);
    double carry = 0;
    for (int r = 0; r < ramps.size(); r++) {
      Ramp ramp = ramps.get(r);
      if (r > 0 && ramps.get(r - 1).column() != ramp.column()) {
        carry = 0;
      }
      double whole = carry;
      for (Share s : ramp.shares()) {
        whole += s.factor() * net.weight(0, s.input(), unit);
      }
      float weight = (float) (whole / ramp.gap());
      out[r * width + at] = weight;
      carry = whole - (double) weight * ramp.gap();
    }
  }

  float[] biases(int layer) {
    float[] out = new float[outputs(layer)];
    for (int m = 0; m < model.members().size(); m++) {
      Mlp net = model.members().get(m);
      for (int j = 0; j < net.size(layer + 1); j++) {
        double sum = net.bias(layer, j);
        if (layer == 0) {
          for (int i = 0; i < base.length; i++) {
            sum += base[i] * net.weight(0, i, j);
          }
        }
        out[m * net.size(layer + 1) + j] = (float) sum;
      }
    }
    return out;
  }
}
