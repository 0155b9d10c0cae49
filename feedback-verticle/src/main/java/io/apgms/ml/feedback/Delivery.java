package io.apgms.ml.feedback;

import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An action that this replica has claimed for one sink.
 *
 * @param fence of the claim
 * @param claimedNanos monotonic, from before the claim was asked for
 * @param attempts before this one
 * @param leftMs until it is given up
 * @param withdrawn a hold whose release waits behind it: it is not sent again
 * @param traceparent of the request that it came from; null where that named no trace
 * @param decision null where it is not stored any more
 */
record Delivery(
    long outboxId,
    String sink,
    long fence,
    long claimedNanos,
    int attempts,
    long leftMs,
    String kind,
    UUID predictionId,
    Instant createdAt,
    @Nullable String tenant,
    boolean withdrawn,
    @Nullable String traceparent,
    @Nullable Decision decision) {
  static final String HOLD = "hold";
  private static final int TRACE_ID = 3; // where it begins in a traceparent, and where it ends
  private static final int TRACE_ID_END = 35;

  /** Of a traceparent that is there. */
  static String traceId(String traceparent) {
    return traceparent.substring(TRACE_ID, TRACE_ID_END);
  }

  /** What a trace may say of the attempt that is about to be made. */
  SendTracing.Sending sending() {
    return new SendTracing.Sending(traceparent, predictionId, kind, sink, attempts + 1);
  }

  boolean hold() {
    return kind.equals(HOLD);
  }

  /**
   * The event in CloudEvents' JSON format 1.0: the same bytes at each attempt. What changes from
   * one to the next travels in headers.
   */
  byte[] event(Decision d, String eventId) {
    JsonObject data =
        new JsonObject()
            .put("action", kind)
            .put("predictionId", predictionId.toString())
            .put("entityId", d.entityId())
            .put("modelId", d.modelId())
            .put("modelVersion", d.modelVersion())
            .put("modelDigest", d.modelDigest())
            .put("score", d.score())
            .put("threshold", d.threshold())
            .put("recommendation", d.review() ? "review" : "allow")
            .put("mode", d.act() ? "act" : "observe")
            .put("modeSource", d.modeSource())
            .put("decidedAt", d.at().toString());
    if (!hold()) {
      data.put("because", "FALSE_POSITIVE");
    }
    return new JsonObject()
        .put("specversion", "1.0")
        .put("id", eventId)
        .put("source", "/ml/predictions")
        .put("type", "io.apgms.ml.action." + kind)
        .put("subject", d.entityId() == null ? predictionId.toString() : d.entityId())
        .put("time", createdAt.toString())
        .put("sequence", String.format("%019d", outboxId))
        .put("datacontenttype", "application/json")
        .put("data", data)
        .encode()
        .getBytes(StandardCharsets.UTF_8);
  }
}
