package io.apgms.ml.flags;
import java.util.Set;
/** Forced. */
public record ForcedObserve(boolean all, Set<String> models) {}
