package io.apgms.ml.gateway.mirror;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A step that the other system has not taken. */
public abstract sealed class TellException extends Exception {
  private static final long serialVersionUID = 1L;

  private TellException(String message) {
    super(message);
  }

  /** Asking again could help: no answer, 429 or 5xx. */
  public static final class Away extends TellException {
    private static final long serialVersionUID = 1L;

    private final transient @Nullable Duration retryAfter;

    public Away(String message, @Nullable Duration retryAfter) {
      super(message);
      this.retryAfter = retryAfter;
    }

    /** How long it asks to wait; null where it does not say. */
    public @Nullable Duration retryAfter() {
      return retryAfter;
    }
  }

  /** What was asked is refused: another 4xx, or an answer that is none of that system's. */
  public static final class Refused extends TellException {
    private static final long serialVersionUID = 1L;

    public Refused(String message) {
      super(message);
    }
  }
}
