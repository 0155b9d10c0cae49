package io.apgms.ml.gateway.decision;

import org.jspecify.annotations.Nullable;

/**
 * A parsed {@code POST /ml/score} body.
 *
 * @param row the features in tensor order, NaN where null
 * @param groups the protected attributes as one JSON object; stored, never scored, never logged
 * @param explain whether the answer says what each feature added
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
public record ScoreCall(
    String modelId,
    @Nullable String modelVersion,
    @Nullable String requestId,
    @Nullable String entityId,
    @Nullable String groups,
    float[] row,
    boolean explain) {
  /** A call that asks for no explanation. */
  public ScoreCall(
      String modelId,
      @Nullable String modelVersion,
      @Nullable String requestId,
      @Nullable String entityId,
      @Nullable String groups,
      float[] row) {
    this(modelId, modelVersion, requestId, entityId, groups, row, false);
  }
}
