package io.apgms.ml.training;

import io.apgms.ml.training.data.Snapshot.Window;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What {@code train} takes.
 *
 * @param schema {@code conf/models/<model>.yaml}
 * @param data the rows
 * @param origin what runs the training
 * @param seed of splits, weights and batches; null for the schema's
 * @param out run folder; made where it does not exist, its files replaced
 */
public record TrainOptions(Path schema, Data data, Origin origin, @Nullable Long seed, Path out) {

  /**
   * The rows of a step.
   *
   * @param file plain or gzip CSV; null for a generated source
   * @param window rows of it, null for all
   * @param anyData takes a file whose SHA-256 is not the schema's: data of your own
   */
  public record Data(@Nullable Path file, @Nullable Window window, boolean anyData) {
    /** The published file, whole; or the generator's rows where {@code file} is null. */
    public static Data of(@Nullable Path file) {
      return new Data(file, null, false);
    }
  }

  /**
   * Provenance given by the caller.
   *
   * @param gitCommit commit of the trainer, 7 to 64 hex digits
   * @param containerDigest {@code sha256:…} of the image, or of the jar
   */
  public record Origin(String gitCommit, String containerDigest) {
    public Origin {
      if (!gitCommit.matches("[0-9a-f]{7,64}")) {
        throw new TrainingException.Run("git commit '" + gitCommit + "', expected hex digits");
      }
      if (!containerDigest.matches("sha256:[0-9a-f]{64}")) {
        throw new TrainingException.Run(
            "digest '" + containerDigest + "', expected sha256: and 64 hex digits");
      }
    }
  }
}
