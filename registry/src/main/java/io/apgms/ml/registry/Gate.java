package io.apgms.ml.registry;

/** What every promotion must pass, in the order in which the gates run. */
public enum Gate {
  integrity,
  bias,
  reproducibility,
  smoke
}
