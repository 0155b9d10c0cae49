package io.apgms.ml.registry;

import java.time.Instant;
import java.util.Map;

/**
 * What a replica reports of itself.
 *
 * @param id unique among the replicas, 1 to 255 characters
 * @param startedAt the replica's own clock
 * @param serving by model id
 * @param envPins version by model id, from the replica's environment
 */
public record ReplicaState(
    String id, Instant startedAt, Map<String, Serving> serving, Map<String, String> envPins) {
  public ReplicaState {
    Text.require("replica id", id, Text.MAX_ID);
    serving = Map.copyOf(serving);
    envPins = Map.copyOf(envPins);
  }

  /** The version in service and the revision it was taken from. */
  public record Serving(String version, int revision) {}
}
