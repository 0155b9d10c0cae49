package io.apgms.ml.feedback;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A decision as it is kept.
 *
 * @param id UUIDv7; its time is the decision's
 * @param features float32 in tensor order, NaN where missing
 * @param groupsJson protected attributes as a JSON object; for bias monitoring, never in a log
 * @param score in [0, 1]
 * @param review whether the score reached the threshold
 * @param act whether the mode was act
 * @param enforced a hold in force: review and act
 * @param flagAgeMs -1 where no flag was ever fetched
 * @param requestId the caller's own id
 * @param bodyHash SHA-256 of the request's body where it has a requestId; not stored with the row
 * @param explained where the caller asked for it
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
public record Decision(
    UUID id,
    String modelId,
    String modelVersion,
    String modelDigest,
    float[] features,
    @Nullable String groupsJson,
    double score,
    double threshold,
    boolean review,
    boolean act,
    boolean enforced,
    String modeSource,
    long flagAgeMs,
    @Nullable String requestId,
    byte @Nullable [] bodyHash,
    @Nullable String entityId,
    @Nullable Explained explained) {

  /**
   * Why the score is what it is.
   *
   * @param contributions of the features in tensor order; with the baseline they sum to the score
   * @param baseline mean score of the rows it was compared with
   * @param standardError largest over the contributions
   * @param rowsScored what it took
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  public record Explained(
      float[] contributions, double baseline, double standardError, int rowsScored) {}

  /** Without an explanation: the caller did not ask for one. */
  public Decision(
      UUID id,
      String modelId,
      String modelVersion,
      String modelDigest,
      float[] features,
      @Nullable String groupsJson,
      double score,
      double threshold,
      boolean review,
      boolean act,
      boolean enforced,
      String modeSource,
      long flagAgeMs,
      @Nullable String requestId,
      byte @Nullable [] bodyHash,
      @Nullable String entityId) {
    this(
        id,
        modelId,
        modelVersion,
        modelDigest,
        features,
        groupsJson,
        score,
        threshold,
        review,
        act,
        enforced,
        modeSource,
        flagAgeMs,
        requestId,
        bodyHash,
        entityId,
        null);
  }

  /** The time in the id, to the millisecond. */
  public Instant at() {
    return Instant.ofEpochMilli(ms(id));
  }

  /** The time in a UUIDv7, in milliseconds since 1970 (RFC 9562, section 5.7). */
  public static long ms(UUID id) {
    return id.getMostSignificantBits() >>> 16;
  }
}
