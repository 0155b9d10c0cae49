package io.apgms.ml.scoring;

import io.apgms.ml.registry.VerifiedArtifact;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A version held apart from those that serve: it is in no {@link ScoringRuntime}, so that no
 * request can reach it, whatever it names. For one thread at a time.
 */
public final class ApartModel implements AutoCloseable {
  /** Most rows of one forward pass: short, so that whoever serves gets the processor back soon. */
  public static final int MAX_ROWS = 64;

  private static final Logger LOG = LoggerFactory.getLogger(ApartModel.class);

  private final ServedModel model;
  private final TorchModel torch;
  private final float[] input;
  private final float[] output = new float[MAX_ROWS];

  private ApartModel(ServedModel model, TorchModel torch) {
    this.model = model;
    this.torch = torch;
    this.input = new float[MAX_ROWS * model.features().size()];
  }

  /**
   * Loads a version and runs its golden rows. Blocking.
   *
   * @throws ScoringException when it cannot serve
   */
  public static ApartModel load(VerifiedArtifact artifact) {
    ServedModel model = Loading.described(artifact);
    TorchModel torch = Loading.load(artifact.torchScript(), model.features().size());
    try {
      Loading.checkGolden(torch, model);
    } catch (RuntimeException e) {
      torch.close();
      throw e;
    }
    return new ApartModel(model, torch);
  }

  /** What was loaded. */
  public ServedModel model() {
    return model;
  }

  /**
   * Scores rows as a request would be. Blocking.
   *
   * @param rows at most {@link #MAX_ROWS}, features in tensor order
   * @return a score a row, rounded to six decimals; NaN where there is none in [0, 1]
   */
  public double[] score(List<float[]> rows) {
    double[] scores = new double[rows.size()];
    Arrays.fill(scores, Double.NaN);
    int width = model.features().size();
    for (int i = 0; i < scores.length; i++) {
      if (rows.get(i).length != width) {
        return scores; // read by the schema of another version
      }
      System.arraycopy(rows.get(i), 0, input, i * width, width);
    }
    try {
      torch.score(input, scores.length, output);
    } catch (RuntimeException | Error e) { // native memory too: the next rows may have enough
      LOG.error("{} {} failed apart: {}", model.modelId(), model.version(), e.toString());
      return scores;
    }
    for (int i = 0; i < scores.length; i++) {
      double score = ScoringRuntime.rounded(output[i]);
      scores[i] = score >= 0 && score <= 1 ? score : Double.NaN;
    }
    return scores;
  }

  @Override
  public void close() {
    torch.close();
  }
}
