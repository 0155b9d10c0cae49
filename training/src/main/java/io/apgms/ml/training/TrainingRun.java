package io.apgms.ml.training;

import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.training.data.Snapshot.Window;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code training_run.json}: everything that the bytes of {@code model.pt} follow from, and what
 * came out.
 *
 * @param trainer name and version of the training code; "external" where it was trained elsewhere:
 *     then seed, rows fitted on, epochs and losses are 0 or empty
 * @param schemaSha256 of schema.yaml beside it, which holds the parameters
 * @param snapshot the rows
 * @param trainRows rows fitted on; the rest of the snapshot is the holdout
 * @param epochs run by each member
 * @param validationLoss log loss of each member on the rows held back for stopping
 * @param trainLoss log loss over the rows fitted on
 * @param exportError largest distance of model.pt from the double-precision model, any row
 * @param featureBaselines distribution of each feature over the snapshot, in tensor order
 */
public record TrainingRun(
    String model,
    String trainer,
    String gitCommit,
    String containerDigest,
    long seed,
    String schemaSha256,
    SnapshotReference snapshot,
    int trainRows,
    double threshold,
    List<Integer> epochs,
    List<Double> validationLoss,
    double trainLoss,
    double exportError,
    String modelSha256,
    List<Histogram> featureBaselines,
    Histogram scoreBaseline) {

  /**
   * The snapshot as it can be found again.
   *
   * @param source the generator with its seed, or where the file is published; "snapshot" for one
   *     that was put together, as snapshot.json beside says
   * @param window rows of the source; absent for all
   * @param sha256 of the snapshot as plain CSV
   */
  public record SnapshotReference(
      String source, @Nullable Window window, String sha256, int rows, int positives) {}
}
