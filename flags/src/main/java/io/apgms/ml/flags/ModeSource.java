package io.apgms.ml.flags;

/** Where a mode comes from. */
public enum ModeSource {
  ENV,
  OVERRIDE,
  UNLEASH,
  FILE,
  DEFAULT,
  STALE,
  CAP,
  UNLOGGED;

  private final String wire = name().toLowerCase(java.util.Locale.ROOT);

  public String wire() {
    return wire;
  }
}
