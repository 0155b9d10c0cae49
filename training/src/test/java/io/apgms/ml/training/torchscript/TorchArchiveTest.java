package io.apgms.ml.training.torchscript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.scoring.TorchModel;
import io.apgms.ml.training.fit.FittedModel;
import io.apgms.ml.training.fit.RandomModels;
import java.util.Collections;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TorchArchiveTest {
  @Test
  void write_anyShape_scoresAsTheDoubleModel() {
    for (int seed = 0; seed < 60; seed++) {
      RandomModels.Case made = RandomModels.make(seed);
      FittedModel model = made.model();
      int width = model.transform().rawWidth();
      byte[] archive = TorchArchive.write(model, Collections.nCopies(width, "f"));
      int rows = made.rows().length / width;
      double[] exact = model.score(made.rows(), IntStream.range(0, rows).toArray());
      try (TorchModel module = TorchModel.load(archive, width)) {
        float[] served = module.score(made.rows(), rows);
        for (int i = 0; i < rows; i++) {
          assertThat(Math.abs(served[i] - exact[i]))
              .as("seed %d, row %d: %s, expected %s", seed, i, served[i], exact[i])
              .isLessThanOrEqualTo(1e-6);
        }
      }
      assertThat(TorchArchive.write(model, Collections.nCopies(width, "f"))).isEqualTo(archive);
    }
  }

  @Test
  void score_otherWidth_isRefused() {
    FittedModel model = RandomModels.make(1).model();
    int width = model.transform().rawWidth();
    byte[] archive = TorchArchive.write(model, Collections.nCopies(width, "f"));
    try (TorchModel module = TorchModel.load(archive, width + 1)) {
      assertThatThrownBy(() -> module.score(new float[width + 1], 1))
          .hasMessageContaining("expected " + width + " columns");
    }
  }

  @Test
  void score_missingWhereNoneIsAccepted_isNotANumber() {
    RandomModels.Case made = RandomModels.make(2, false);
    int width = made.model().transform().rawWidth();
    byte[] archive = TorchArchive.write(made.model(), Collections.nCopies(width, "f"));
    float[] row = new float[width];
    row[0] = Float.NaN;
    try (TorchModel module = TorchModel.load(archive, width)) {
      assertThat(module.score(row, 1)[0]).isNaN();
    }
  }
}
