package io.apgms.ml.flags;

import org.jspecify.annotations.Nullable;

/**
 * What a flag's strategies may ask about. In Unleash's words, {@code modelId}, {@code tenant} and
 * {@code entityId} are properties, and the entity is also the {@code userId}, so that the default
 * stickiness is the entity's.
 *
 * @param whoever whether it stands for any entity instead of for none
 */
public record FlagContext(
    String modelId, @Nullable String tenant, @Nullable String entityId, boolean whoever) {

  /** Of one decision. */
  public FlagContext(String modelId, @Nullable String tenant, @Nullable String entityId) {
    this(modelId, tenant, entityId, false);
  }

  /** Of a model as such: it acts where every decision would. */
  public static FlagContext whoever(String modelId) {
    return new FlagContext(modelId, null, null, true);
  }

  @Nullable String field(String name) {
    return switch (name) {
      case "modelId" -> modelId;
      case "tenant" -> tenant;
      case "entityId", "userId", FlagSnapshot.DEFAULT -> entityId;
      default -> null;
    };
  }
}
