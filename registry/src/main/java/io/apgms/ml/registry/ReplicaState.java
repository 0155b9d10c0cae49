package io.apgms.ml.registry;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a replica reports of itself.
 *
 * @param id unique among the replicas, 1 to 255 characters
 * @param startedAt the replica's own clock
 * @param serving by model id
 * @param envPins version by model id, from the replica's environment
 * @param failures why it does not serve what it was told to, by model id
 * @param address where other replicas reach its management listener, {@code http://host:port}; null
 *     before it listens
 * @param auditSeq of the {@link ControlState} that it follows: every forced mode up to there is in
 *     force on it; 0 where it never said
 */
public record ReplicaState(
    String id,
    Instant startedAt,
    Map<String, Serving> serving,
    Map<String, String> envPins,
    Map<String, String> failures,
    @Nullable String address,
    long auditSeq) {
  public ReplicaState {
    Text.require("replica id", id, Text.MAX_ID);
    serving = Map.copyOf(serving);
    envPins = Map.copyOf(envPins);
    failures = Map.copyOf(failures);
  }

  /** The version in service and the revision it was taken from. */
  public record Serving(String version, int revision) {}
}
