package io.apgms.ml.training.data;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a snapshot file holds, as JSON beside it and as snapshot.json in the artifact. It names no
 * person: the file has features, protected groups and the outcome, and no id, not even a pseudonym.
 *
 * @param sha256 of the plain CSV, which is also the file's name
 * @param trigger why it was taken
 * @param standing the rows that every retraining has
 * @param store the labelled decisions; null where no feature store was asked
 */
public record SnapshotRecord(
    String model,
    String sha256,
    String trigger,
    int rows,
    int positives,
    List<String> columns,
    Standing standing,
    @Nullable Store store) {
  public SnapshotRecord {
    columns = List.copyOf(columns);
  }

  /** The standing set: what it is, and SHA-256 of it as plain CSV. */
  public record Standing(String source, String sha256, int rows) {}

  /**
   * Labelled decisions of the feature store, by the time their label was recorded.
   *
   * @param from inclusive, RFC 3339
   * @param to exclusive
   * @param rows taken
   * @param leftOut how many were not, by reason
   */
  public record Store(
      String from, String to, int rows, int positives, Map<String, Integer> leftOut) {
    public Store {
      leftOut = Map.copyOf(leftOut);
    }
  }

  /** One line for people. */
  public String summary() {
    String labelled;
    if (store == null) {
      labelled = "no feature store: the standing set alone";
    } else if (store.rows() == 0) {
      labelled =
          "no usable label from "
              + store.from()
              + " to "
              + store.to()
              + ": the standing set alone"
              + leftOut(store);
    } else {
      labelled =
          store.rows()
              + " labelled decisions from "
              + store.from()
              + " to "
              + store.to()
              + leftOut(store);
    }
    return rows + " rows: " + standing.rows() + " of " + standing.source() + "; " + labelled;
  }

  private static String leftOut(Store store) {
    return store.leftOut().isEmpty() ? "" : "; left out: " + store.leftOut();
  }
}
