package io.apgms.ml.training.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MlpGradientTest {
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void backward_anyDepth_agreesWithFiniteDifferences(int depth) {
    Rng rng = new Rng(40 + depth);
    Mlp net = Mlp.random(5, List.of(4, 3).subList(0, depth), rng);
    double[] inputs = new double[10];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = i == 3 ? 0 : rng.normal();
    }
    int[] labels = {1, 0};
    double[] gradient = new double[net.parameters().length];
    Mlp.Pass pass = net.new Pass();
    for (int row = 0; row < 2; row++) {
      double error = Fitter.sigmoid(pass.forward(inputs, row * 5)) - labels[row];
      pass.backward(inputs, row * 5, error, gradient);
    }

    for (int p = 0; p < gradient.length; p++) {
      double kept = net.parameters()[p];
      net.parameters()[p] = kept + 1e-6;
      double up = loss(net, inputs, labels);
      net.parameters()[p] = kept - 1e-6;
      double down = loss(net, inputs, labels);
      net.parameters()[p] = kept;
      assertThat(gradient[p]).as("parameter %d", p).isCloseTo((up - down) / 2e-6, within(1e-7));
    }
  }

  private static double loss(Mlp net, double[] inputs, int[] labels) {
    Mlp.Pass pass = net.new Pass();
    return Fitter.logLoss(pass.forward(inputs, 0), labels[0])
        + Fitter.logLoss(pass.forward(inputs, 5), labels[1]);
  }
}
