package io.apgms.ml.training;

/** Told how far a step is, on the caller's thread. */
@FunctionalInterface
public interface Progress {
  /** Reports that {@code done} of {@code total} parts of a named step are over. */
  void report(String step, int done, int total);

  /** Says nothing. */
  static Progress silent() {
    return (step, done, total) -> {};
  }
}
