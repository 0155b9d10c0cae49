package io.apgms.ml.training.fit;

import java.util.Arrays;
import java.util.List;

/**
 * A perceptron with up to two ReLU layers and one logit, in double precision. All parameters lie in
 * one array: for each layer the weights [in][out], then the biases [out].
 */
public final class Mlp {
  private final int[] sizes;
  private final double[] parameters;

  Mlp(int[] sizes, double[] parameters) {
    this.sizes = sizes;
    this.parameters = parameters;
  }

  /** Weights uniform in ±1/sqrt(in), biases 0. */
  static Mlp random(int inputs, List<Integer> hidden, Rng rng) {
    int[] sizes = new int[hidden.size() + 2];
    sizes[0] = inputs;
    for (int i = 0; i < hidden.size(); i++) {
      sizes[i + 1] = hidden.get(i);
    }
    sizes[sizes.length - 1] = 1;
    Mlp net = new Mlp(sizes, new double[count(sizes)]);
    for (int layer = 0; layer < net.layers(); layer++) {
      double reach = 1 / StrictMath.sqrt(sizes[layer]);
      int from = net.offset(layer);
      for (int i = 0; i < sizes[layer] * sizes[layer + 1]; i++) {
        net.parameters[from + i] = reach * (2 * rng.uniform() - 1);
      }
    }
    return net;
  }

  /** Number of weight layers, 1 to 3. */
  public int layers() {
    return sizes.length - 1;
  }

  /** Width before layer {@code at} (0 = inputs), or of the output. */
  public int size(int at) {
    return sizes[at];
  }

  /** Weight from unit {@code in} to unit {@code out} of a layer. */
  public double weight(int layer, int in, int out) {
    return parameters[offset(layer) + in * sizes[layer + 1] + out];
  }

  /** Bias of unit {@code out} of a layer. */
  public double bias(int layer, int out) {
    return parameters[offset(layer) + sizes[layer] * sizes[layer + 1] + out];
  }

  double[] parameters() {
    return parameters;
  }

  Mlp copy() {
    return new Mlp(sizes, parameters.clone());
  }

  boolean isWeight(int parameter) {
    for (int layer = 0; layer < layers(); layer++) {
      int weights = offset(layer) + sizes[layer] * sizes[layer + 1];
      if (parameter < weights) {
        return true;
      }
      if (parameter < weights + sizes[layer + 1]) {
        return false;
      }
    }
    throw new IllegalArgumentException("parameter " + parameter);
  }

  private int offset(int layer) {
    int at = 0;
    for (int l = 0; l < layer; l++) {
      at += (sizes[l] + 1) * sizes[l + 1];
    }
    return at;
  }

  private static int count(int[] sizes) {
    int n = 0;
    for (int l = 0; l + 1 < sizes.length; l++) {
      n += (sizes[l] + 1) * sizes[l + 1];
    }
    return n;
  }

  /** The activations of one row after another; used by one thread. */
  final class Pass {
    private final double[][] units = new double[layers()][];
    private final double[][] deltas = new double[layers()][];

    Pass() {
      for (int layer = 0; layer < layers(); layer++) {
        units[layer] = new double[sizes[layer + 1]];
        deltas[layer] = new double[sizes[layer + 1]];
      }
    }

    /** The logit of the row of inputs at {@code at}. */
    double forward(double[] inputs, int at) {
      double[] from = inputs;
      int start = at;
      for (int layer = 0; layer < layers(); layer++) {
        int width = sizes[layer + 1];
        int w = offset(layer);
        double[] to = units[layer];
        System.arraycopy(parameters, w + sizes[layer] * width, to, 0, width);
        for (int i = 0; i < sizes[layer]; i++) {
          double value = from[start + i];
          if (value != 0) { // most inputs are zeros of one-hot codes
            int row = w + i * width;
            for (int j = 0; j < width; j++) {
              to[j] += value * parameters[row + j];
            }
          }
        }
        if (layer + 1 < layers()) {
          for (int j = 0; j < width; j++) {
            to[j] = to[j] > 0 ? to[j] : 0;
          }
        }
        from = to;
        start = 0;
      }
      return units[layers() - 1][0];
    }

    /** Adds the gradient of the loss to {@code gradient}, after {@link #forward} on the row. */
    void backward(double[] inputs, int at, double lossByLogit, double[] gradient) {
      deltas[layers() - 1][0] = lossByLogit;
      for (int layer = layers() - 1; layer >= 0; layer--) {
        double[] delta = deltas[layer];
        double[] from = layer == 0 ? inputs : units[layer - 1];
        int start = layer == 0 ? at : 0;
        int width = sizes[layer + 1];
        int w = offset(layer);
        if (layer > 0) {
          Arrays.fill(deltas[layer - 1], 0);
        }
        for (int i = 0; i < sizes[layer]; i++) {
          double value = from[start + i];
          if (value != 0) { // an inactive unit or input has no gradient on either side
            int row = w + i * width;
            for (int j = 0; j < width; j++) {
              gradient[row + j] += value * delta[j];
            }
            if (layer > 0) {
              double sum = 0;
              for (int j = 0; j < width; j++) {
                sum += parameters[row + j] * delta[j];
              }
              deltas[layer - 1][i] = sum;
            }
          }
        }
        int biases = w + sizes[layer] * width;
        for (int j = 0; j < width; j++) {
          gradient[biases + j] += delta[j];
        }
      }
    }
  }
}
