package io.apgms.ml.scoring;

/** A verified artifact that still cannot serve. */
public abstract sealed class ScoringException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private ScoringException(String message) {
    super(message);
  }

  /** The bytes are no TorchScript archive, or its forward fails. */
  public static final class NotTorchScript extends ScoringException {
    private static final long serialVersionUID = 1L;

    NotTorchScript(String message) {
      super(message);
    }
  }

  /** A golden row does not give its score: this is another model than was packaged. */
  public static final class GoldenMismatch extends ScoringException {
    private static final long serialVersionUID = 1L;

    GoldenMismatch(int row, double actual, double expected) {
      super("golden row " + row + " scores " + actual + ", expected " + expected);
    }
  }

  /** A message between processes that is not as its format says. */
  public static final class Malformed extends ScoringException {
    private static final long serialVersionUID = 1L;

    public Malformed(String actual, String expected) {
      super("message with " + actual + ", expected " + expected);
    }
  }
}
