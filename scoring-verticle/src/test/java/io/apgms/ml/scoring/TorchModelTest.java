package io.apgms.ml.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TorchModelTest {
  @Test
  void score_outputIsAColumnOfTheInput_isReadByItsStride() {
    float[] rows = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
    byte[] second = TinyModule.forward("return torch.select(input, 1, 1)");
    try (TorchModel model = TorchModel.load(second, 2)) {
      assertThat(model.score(rows, 3)).containsExactly(0.2f, 0.4f, 0.6f);
    }
  }

  @Test
  void score_shapesInTurn_giveTheSameEachTime() {
    try (TorchModel model = TorchModel.load(TinyModule.forward(TestModels.IDENTITY), 1)) {
      for (int call = 0; call < 3; call++) {
        for (int rows : new int[] {1, 64, 300, 2, 257, 256}) {
          float[] in = new float[rows];
          for (int i = 0; i < rows; i++) {
            in[i] = call + i / 1_000f;
          }
          assertThat(model.score(in, rows)).isEqualTo(in);
        }
      }
    }
  }

  @Test
  void score_headOfALargerArray_leavesTheRest() {
    float[] scores = {9, 9, 9};
    try (TorchModel model = TorchModel.load(TinyModule.forward(TestModels.IDENTITY), 1)) {
      model.score(new float[] {0.1f, 0.2f, 0.3f}, 2, scores);
    }
    assertThat(scores).containsExactly(0.1f, 0.2f, 9);
  }

  @Test
  void score_moreScoresThanRows_isRefused() {
    byte[] twice = TinyModule.forward("x = torch.select(input, 1, 0)", "return torch.cat([x, x])");
    try (TorchModel model = TorchModel.load(twice, 1)) {
      assertThatThrownBy(() -> model.score(new float[3], 3))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void score_moreScoresThanRowsAgain_isRefusedAgain() {
    byte[] twice = TinyModule.forward("x = torch.select(input, 1, 0)", "return torch.cat([x, x])");
    try (TorchModel model = TorchModel.load(twice, 1)) {
      for (int call = 0; call < 2; call++) {
        // Each call: the shape is looked at until it was right once.
        assertThatThrownBy(() -> model.score(new float[3], 3))
            .as("call %d", call)
            .isInstanceOf(IllegalStateException.class);
      }
    }
  }

  @Test
  void score_moduleWritesIntoItsInput_leavesTheCallersRows() {
    float[] rows = {0.1f, 0.2f};
    byte[] inPlace = TinyModule.forward("return torch.select(torch.mul_(input, 2.), 1, 0)");
    try (TorchModel model = TorchModel.load(inPlace, 1)) {
      assertThat(model.score(rows, 2)).containsExactly(0.2f, 0.4f);
      assertThat(model.score(rows, 2)).containsExactly(0.2f, 0.4f);
      assertThat(rows).containsExactly(0.1f, 0.2f);
    }
  }
}
