package io.apgms.ml.flags;

/** Observe or act. */
public enum DecisionMode {
  OBSERVE,
  ACT;

  private final String wire = name().toLowerCase(java.util.Locale.ROOT);

  /** x. */ public static DecisionMode of(String w) { return valueOf(w.toUpperCase(java.util.Locale.ROOT)); }
  public String wire() {
    return wire;
  }
}
