package io.apgms.ml.flags;

import java.util.Locale;

/** Whether a recommendation is only observed or acted upon. */
public enum DecisionMode {
  OBSERVE,
  ACT;

  private final String wire = name().toLowerCase(Locale.ROOT);

  /** The mode of a wire name; throws IllegalArgumentException for any other text. */
  public static DecisionMode of(String wire) {
    for (DecisionMode mode : values()) {
      if (mode.wire.equals(wire)) {
        return mode;
      }
    }
    throw new IllegalArgumentException("decision mode is '" + wire + "', expected observe or act");
  }

  public String wire() {
    return wire;
  }
}
