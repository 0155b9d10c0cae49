package io.apgms.ml.registry;

import java.util.List;

/** What the registry refuses, by kind; the edge maps each kind to one status. */
public abstract sealed class RegistryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private RegistryException(String message) {
    super(message);
  }

  private RegistryException(String message, Throwable cause) {
    super(message, cause);
  }

  /** The model, version or revision does not exist. */
  public static final class NotFound extends RegistryException {
    private static final long serialVersionUID = 1L;

    public NotFound(String message) {
      super(message);
    }
  }

  /** The state of the registry does not allow the request. */
  public static final class Conflict extends RegistryException {
    private static final long serialVersionUID = 1L;

    public Conflict(String message) {
      super(message);
    }
  }

  /** Rules of approval do not allow it; all of them that do not. */
  public static final class Refused extends RegistryException {
    private static final long serialVersionUID = 1L;

    private final String what;
    private final transient List<Refusal> refusals;

    public Refused(String what, List<Refusal> refusals) {
      super(what + ": " + refusals);
      this.what = what;
      this.refusals = List.copyOf(refusals);
    }

    /** What was refused. */
    public String what() {
      return what;
    }

    /** Why not, each reason once; not empty. */
    public List<Refusal> refusals() {
      return refusals;
    }
  }

  /**
   * The artifact on disk is not what its manifest says, or nobody who is trusted vouches for it: it
   * must not be loaded.
   */
  public static sealed class Corrupt extends RegistryException {
    private static final long serialVersionUID = 1L;

    public Corrupt(String message) {
      super(message);
    }
  }

  /** It may be whole, but it, its digest or the key that signed it is revoked. */
  public static final class Revoked extends Corrupt {
    private static final long serialVersionUID = 1L;

    public Revoked(String message) {
      super(message);
    }
  }

  /** The request itself is wrong. */
  public static final class Invalid extends RegistryException {
    private static final long serialVersionUID = 1L;

    public Invalid(String message) {
      super(message);
    }
  }

  /** An idempotency key came back with another body. */
  public static final class KeyReused extends RegistryException {
    private static final long serialVersionUID = 1L;

    public KeyReused(String message) {
      super(message);
    }
  }

  /**
   * The database did not answer in time or cannot take writes. A write may or may not have been
   * committed: retry it with its idempotency key, or read the state first.
   */
  public static final class Unavailable extends RegistryException {
    private static final long serialVersionUID = 1L;

    public Unavailable(String message, Throwable cause) {
      super(message, cause);
    }

    public Unavailable(String message) {
      super(message);
    }
  }
}
