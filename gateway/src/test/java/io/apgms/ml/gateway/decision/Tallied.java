package io.apgms.ml.gateway.decision;

import io.apgms.ml.scoring.ServedModel;
import io.vertx.core.Context;

/** Counts rows as the flow does. */
public final class Tallied {
  private final Context loop;
  private final InputTally tally;

  public Tallied(InputCounts inputs, Context loop) {
    this.loop = loop;
    this.tally = inputs.onLoop(loop);
  }

  /** Row-major rows, each with that score. */
  public void count(ServedModel model, float[] rows, double score) {
    int width = model.features().size();
    loop.runOnContext(
        v -> {
          for (int i = 0; i < rows.length; i += width) {
            tally.add(model, java.util.Arrays.copyOfRange(rows, i, i + width), score, score >= 0.5);
          }
        });
  }
}
