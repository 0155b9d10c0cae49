package io.apgms.ml.flags;

import org.jspecify.annotations.Nullable;

/**
 * What a flag's strategies may ask about. In Unleash's words, {@code modelId}, {@code tenant} and
 * {@code entityId} are properties, and the entity is also the {@code userId}, so that the default
 * stickiness is the entity's.
 */
public record FlagContext(String modelId, @Nullable String tenant, @Nullable String entityId) {
  @Nullable String field(String name) {
    return switch (name) {
      case "modelId" -> modelId;
      case "tenant" -> tenant;
      case "entityId", "userId" -> entityId;
      default -> null;
    };
  }
}
