package io.apgms.ml.flags;

import java.util.Locale;

/** What settled a mode. */
public enum ModeSource {
  /** The pin of this replica. */
  ENV,
  /** A forced observe. */
  OVERRIDE,
  UNLEASH,
  FILE,
  /** No flag was ever fetched. */
  DEFAULT,
  /** The flag says act, but was fetched too long ago. */
  STALE,
  /** More holds than a minute may have. */
  CAP,
  /** What must be known or logged before acting cannot be. */
  UNLOGGED;

  private final String wire = name().toLowerCase(Locale.ROOT);

  public String wire() {
    return wire;
  }
}
