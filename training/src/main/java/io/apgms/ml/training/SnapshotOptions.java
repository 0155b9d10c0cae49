package io.apgms.ml.training;

import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.SnapshotWriter;
import io.apgms.ml.training.data.SnapshotWriter.Labels;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What {@code snapshot} takes.
 *
 * @param schema {@code conf/models/<model>.yaml}
 * @param standing the rows that every retraining has
 * @param labels when the labels of the feature store were recorded; null where there is none
 * @param trigger why the snapshot is taken
 * @param out folder of the file; made where it is not there
 */
public record SnapshotOptions(
    Path schema, TrainOptions.Data standing, @Nullable Labels labels, String trigger, Path out) {

  /** Tells the labelled decisions of the feature store. */
  @FunctionalInterface
  public interface Store {
    /** Hands each one to the writer, or says why it is left out. */
    void tell(ModelSchema schema, SnapshotWriter to);
  }
}
