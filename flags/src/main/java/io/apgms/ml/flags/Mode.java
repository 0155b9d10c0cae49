package io.apgms.ml.flags;
/** Mode. */
public record Mode(DecisionMode mode, ModeSource source, long flagAgeMs) {}
