package io.apgms.ml.feedback;

import org.jspecify.annotations.Nullable;

/** What this module refuses or cannot do, by kind; the edge maps each kind to one status. */
public abstract sealed class FeedbackException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private FeedbackException(String message, @Nullable Throwable cause) {
    super(message, cause, false, false);
  }

  /** There is no such prediction. */
  public static final class NotFound extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public NotFound(String message) {
      super(message, null);
    }
  }

  /** It is not known yet whether there is such a prediction: another replica may hold it. */
  public static final class Elsewhere extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public Elsewhere(String message) {
      super(message, null);
    }
  }

  /** A replica that is to be forgotten is there. */
  public static final class Live extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public Live(String message) {
      super(message, null);
    }
  }

  /** Another model or version made the prediction. */
  public static final class VersionConflict extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public VersionConflict(String message) {
      super(message, null);
    }
  }

  /** The label cannot belong to the recommendation. */
  public static final class Contradiction extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public Contradiction(String message) {
      super(message, null);
    }
  }

  /** The idempotency key came with another body before. */
  public static final class KeyReused extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public KeyReused(String message) {
      super(message, null);
    }
  }

  /** The requestId came with another body before. */
  public static final class RequestIdConflict extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public RequestIdConflict(String message) {
      super(message, null);
    }
  }

  /** The prediction is in no batch that is in the audit chain: not yet, or it is too old. */
  public static final class NotSealed extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public NotSealed(String message) {
      super(message, null);
    }
  }

  /** The prediction is not what was stored. */
  public static final class Altered extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public Altered(String message) {
      super(message, null);
    }
  }

  /** The prediction was redacted, and is what that left of it. */
  public static final class Redacted extends FeedbackException {
    private static final long serialVersionUID = 1L;

    private final long seq;
    private final String leafRoot;

    /**
     * @param seq of the log's entry that must hold the root
     * @param leafRoot in hex, over what the redaction left
     */
    public Redacted(String message, long seq, String leafRoot) {
      super(message, null);
      this.seq = seq;
      this.leafRoot = leafRoot;
    }

    public long seq() {
      return seq;
    }

    public String leafRoot() {
      return leafRoot;
    }
  }

  /** A cursor or filter that is not of this module's making. */
  public static final class Invalid extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public Invalid(String message) {
      super(message, null);
    }
  }

  /** The spool is at its bound, or refuses a write; nothing was kept. */
  public static final class SpoolFull extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public SpoolFull(String message) {
      super(message, null);
    }
  }

  /** Known not to be in the database: it is away, or the queue before it is full. */
  public static final class NotSent extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public NotSent(String message) {
      super(message, null);
    }
  }

  /** It was sent, and whether it was committed is not known. */
  public static final class OutcomeUnknown extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public OutcomeUnknown(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** The database or the spool cannot be used now. */
  public static final class Unavailable extends FeedbackException {
    private static final long serialVersionUID = 1L;

    public Unavailable(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }
}
