package io.apgms.ml.registry;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What a waiver can name: a gate that could not conclude, or an error budget that is spent. */
public enum Waivable {
  integrity,
  bias,
  reproducibility,
  smoke,
  error_budget;

  /** As it is written: {@code error-budget}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Override
  public String toString() {
    return word();
  }

  /** The one that is written so. */
  public static Optional<Waivable> of(String word) {
    return Arrays.stream(values()).filter(w -> w.word().equals(word)).findFirst();
  }

  static Waivable of(Gate gate) {
    return valueOf(gate.name());
  }
}
