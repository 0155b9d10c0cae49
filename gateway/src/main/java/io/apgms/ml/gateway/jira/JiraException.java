package io.apgms.ml.gateway.jira;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A step that Jira has not taken. */
abstract sealed class JiraException extends Exception {
  private static final long serialVersionUID = 1L;

  private JiraException(String message) {
    super(message);
  }

  /** Asking again could help: no answer, 429 or 5xx. */
  static final class Away extends JiraException {
    private static final long serialVersionUID = 1L;

    private final transient @Nullable Duration retryAfter;

    Away(String message, @Nullable Duration retryAfter) {
      super(message);
      this.retryAfter = retryAfter;
    }

    /** How long Jira asks to wait; null where it does not say. */
    @Nullable Duration retryAfter() {
      return retryAfter;
    }
  }

  /** Jira refuses what was asked: another 4xx, or an answer that is none of its own. */
  static final class Refused extends JiraException {
    private static final long serialVersionUID = 1L;

    Refused(String message) {
      super(message);
    }
  }
}
