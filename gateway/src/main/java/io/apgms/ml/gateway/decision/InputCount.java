package io.apgms.ml.gateway.decision;

/**
 * What was counted of one column of one version: in the cells of its baseline, and beside them.
 *
 * @param baseline counts of the training snapshot, a cell each
 * @param cells counts of decisions, in the same cells
 * @param missing of the decisions, those without a value
 * @param refusedMissing requests refused because it was missing
 * @param refusedRange requests refused because it was outside the manifest's range
 * @param reviews of the score: decisions that recommend a review
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
public record InputCount(
    Key key,
    long[] baseline,
    long[] cells,
    long missing,
    long refusedMissing,
    long refusedRange,
    long reviews) {
  /** The name that the score stands under: no feature has it. */
  public static final String SCORE = "";

  /** Whose it is. */
  public record Key(String model, String version, String feature) {}

  /** Both together; of one version, whose cells are always the same. */
  public InputCount plus(InputCount other) {
    long[] sum = cells.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other.cells[i];
    }
    return new InputCount(
        key,
        baseline,
        sum,
        missing + other.missing,
        refusedMissing + other.refusedMissing,
        refusedRange + other.refusedRange,
        reviews + other.reviews);
  }
}
