package io.apgms.ml.flags;

/**
 * A flag, {@code ML_DECISION_MODE} first of all, as a provider last gave it: immutable, evaluated
 * by any thread without I/O or locks, and equal to another where it says the same.
 */
public interface Flag {
  /** What a flag says of one context. */
  enum Word {
    /** The variant that is asked for: {@code act}, or {@code canary} of the flag for canaries. */
    ACT,
    OBSERVE,
    /** It is off, or leaves this context out: as good as observe, and counted apart. */
    OFF
  }

  Word said(FlagContext context);

  /** Whether it could say act of some context. */
  boolean canAct();
}
