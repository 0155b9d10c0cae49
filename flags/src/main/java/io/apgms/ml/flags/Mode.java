package io.apgms.ml.flags;

/**
 * The mode of one decision.
 *
 * @param flagAgeMs since the last good fetch of the flags; -1 where there was none
 */
public record Mode(DecisionMode mode, ModeSource source, long flagAgeMs) {}
