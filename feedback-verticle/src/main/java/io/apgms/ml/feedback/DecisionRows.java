package io.apgms.ml.feedback;

import io.vertx.sqlclient.Row;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Rows of {@code feedback.decision}, alias d, as decisions. */
final class DecisionRows {
  static final String COLUMNS =
      "d.id, d.model_id, d.model_version, d.model_digest, d.features, d.groups, d.score,"
          + " d.threshold, d.review, d.act, d.enforced, d.mode_source, d.flag_age_ms,"
          + " d.request_id, d.entity_id, d.contributions, d.baseline, d.standard_error,"
          + " d.rows_scored";

  /** The latest 74 bits of an id; with zeros, the first id of a millisecond. */
  private static final long FIRST_LOW = 0x8000_0000_0000_0000L;

  private DecisionRows() {}

  static Decision decision(Row row) {
    return new Decision(
        row.getUUID("id"),
        row.getString("model_id"),
        row.getString("model_version"),
        row.getString("model_digest"),
        floats(row.getArrayOfFloats("features")),
        row.getString("groups"),
        row.getDouble("score"),
        row.getDouble("threshold"),
        row.getBoolean("review"),
        row.getBoolean("act"),
        row.getBoolean("enforced"),
        row.getString("mode_source"),
        row.getLong("flag_age_ms"),
        row.getString("request_id"),
        null,
        row.getString("entity_id"),
        explained(row));
  }

  private static Decision.@Nullable Explained explained(Row row) {
    Float[] contributions = row.getArrayOfFloats("contributions");
    return contributions == null
        ? null
        : new Decision.Explained(
            floats(contributions),
            row.getDouble("baseline"),
            row.getDouble("standard_error"),
            row.getInteger("rows_scored"));
  }

  private static float[] floats(Float[] boxed) {
    float[] values = new float[boxed.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = boxed[i];
    }
    return values;
  }

  /** As the client binds them. */
  static Float[] boxed(float[] values) {
    Float[] boxed = new Float[values.length];
    for (int i = 0; i < boxed.length; i++) {
      boxed[i] = values[i];
    }
    return boxed;
  }

  /**
   * The smallest UUIDv7 of a millisecond (RFC 9562): ids at or after that time are not below it.
   */
  static UUID firstId(long epochMs) {
    return new UUID(epochMs << 16 | 0x7000L, FIRST_LOW);
  }
}
