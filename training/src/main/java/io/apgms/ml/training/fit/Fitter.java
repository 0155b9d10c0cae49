package io.apgms.ml.training.fit;

import io.apgms.ml.training.data.ModelSchema;
import java.util.Arrays;

/**
 * Fits one network by AdamW (Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019)
 * on the log loss, stopping when the loss of held-back rows no longer falls. One thread, rows in a
 * fixed order, strict floating point: the same seed gives the same bits on every machine.
 */
final class Fitter {
  private static final double VALIDATION_SHARE = 0.15;
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  private final ModelSchema.Fit settings;
  private final double[] inputs;
  private final int[] labels;
  private final double[] weights;
  private final int width;

  /** {@code inputs} is row-major [labels, width]; a row of weight 1 counts once in the loss. */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  record Rows(double[] inputs, int[] labels, double[] weights) {}

  Fitter(ModelSchema.Fit settings, Rows rows) {
    this.settings = settings;
    this.inputs = rows.inputs();
    this.labels = rows.labels();
    this.weights = rows.weights();
    this.width = rows.inputs().length / rows.labels().length;
  }

  /** A fitted network, epochs run, and the loss of the held-back rows. */
  record Fitted(Mlp net, int epochs, double validationLoss) {}

  Fitted fit(Rng rng) {
    int[] order = rng.permutation(labels.length);
    int held = (int) (labels.length * VALIDATION_SHARE);
    int[] validation = Arrays.copyOf(order, held);
    int[] train = Arrays.copyOfRange(order, held, order.length);
    Mlp net = Mlp.random(width, settings.hidden(), rng);
    Mlp best = net.copy();
    double bestLoss = loss(net, validation);
    Adam adam = new Adam(net);
    int since = 0;
    int epoch = 0;
    while (epoch < settings.maxEpochs() && since < settings.patience()) {
      rng.shuffle(train);
      for (int from = 0; from < train.length; from += settings.batch()) {
        adam.step(train, from, Math.min(from + settings.batch(), train.length));
      }
      epoch++;
      double loss = loss(net, validation);
      if (loss < bestLoss) {
        bestLoss = loss;
        best = net.copy();
        since = 0;
      } else {
        since++;
      }
    }
    return new Fitted(best, epoch, bestLoss);
  }

  private double loss(Mlp net, int[] rows) {
    Mlp.Pass pass = net.new Pass();
    double sum = 0;
    for (int row : rows) {
      sum += weights[row] * logLoss(pass.forward(inputs, row * width), labels[row]);
    }
    return rows.length == 0 ? 0 : sum / rows.length;
  }

  /** Log loss of a logit, stable at both ends. */
  static double logLoss(double logit, int label) {
    double signed = label == 1 ? -logit : logit;
    return StrictMath.max(signed, 0) + StrictMath.log1p(StrictMath.exp(-StrictMath.abs(signed)));
  }

  static double sigmoid(double logit) {
    return 1 / (1 + StrictMath.exp(-logit));
  }

  private final class Adam {
    private final Mlp net;
    private final Mlp.Pass pass;
    private final double[] gradient;
    private final double[] first;
    private final double[] second;
    private final double[] decay;
    private double power1 = 1;
    private double power2 = 1;

    Adam(Mlp net) {
      this.net = net;
      this.pass = net.new Pass();
      int n = net.parameters().length;
      gradient = new double[n];
      first = new double[n];
      second = new double[n];
      decay = new double[n];
      for (int i = 0; i < n; i++) {
        decay[i] = net.isWeight(i) ? settings.learningRate() * settings.weightDecay() : 0;
      }
    }

    void step(int[] rows, int from, int to) {
      Arrays.fill(gradient, 0);
      for (int r = from; r < to; r++) {
        int at = rows[r] * width;
        double error = sigmoid(pass.forward(inputs, at)) - labels[rows[r]];
        pass.backward(inputs, at, weights[rows[r]] * error / (to - from), gradient);
      }
      power1 *= BETA1;
      power2 *= BETA2;
      double[] p = net.parameters();
      double rate = settings.learningRate() / (1 - power1);
      double scale = 1 / (1 - power2);
      for (int i = 0; i < p.length; i++) {
        double g = gradient[i];
        first[i] = BETA1 * first[i] + (1 - BETA1) * g;
        second[i] = BETA2 * second[i] + (1 - BETA2) * g * g;
        p[i] -= decay[i] * p[i] + rate * first[i] / (Math.sqrt(second[i] * scale) + EPSILON);
      }
    }
  }
}
