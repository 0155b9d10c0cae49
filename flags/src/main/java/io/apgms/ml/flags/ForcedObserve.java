package io.apgms.ml.flags;

import java.util.Set;

/**
 * Who must observe whatever the flag says.
 *
 * @param all every model
 * @param models these models
 */
public record ForcedObserve(boolean all, Set<String> models) {
  public ForcedObserve {
    models = Set.copyOf(models);
  }

  boolean covers(String modelId) {
    return all || models.contains(modelId);
  }
}
