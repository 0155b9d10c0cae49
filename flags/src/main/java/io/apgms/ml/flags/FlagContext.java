package io.apgms.ml.flags;
import org.jspecify.annotations.Nullable;
/** Context. */
public record FlagContext(String modelId, @Nullable String tenant, @Nullable String entityId) {}
