package io.apgms.ml.flags;

import org.jspecify.annotations.Nullable;

/**
 * Which decisions a canary makes: those for whose entity the flag {@code ML_CANARY} selects the
 * variant {@code canary}. Nobody's, where no flag was fetched for thirty seconds, where it is off
 * or not understood, and where a decision names no entity: it would not stick to one version.
 *
 * <p>Times are of {@link System#nanoTime()}, passed in. Choosing is for any thread, without locks.
 */
public final class CanaryShare {
  /** The flag's name. */
  public static final String FLAG = "ML_CANARY";

  /** The variant that is the second version's. */
  public static final String VARIANT = "canary";

  private volatile @Nullable Fetched fetched;

  private record Fetched(Flag flag, long atNanos) {}

  CanaryShare() {}

  /**
   * Takes the flag just fetched.
   *
   * @param flag whose {@link Flag.Word#ACT} means the variant {@link #VARIANT}
   * @param nowNanos when it was asked for
   */
  public void fetched(Flag flag, long nowNanos) {
    fetched = new Fetched(flag, nowNanos);
  }

  /** Whether the second version makes this decision. */
  public boolean chooses(FlagContext context, long nowNanos) {
    Fetched now = fetched;
    return now != null
        && context.entityId() != null
        && nowNanos - now.atNanos() <= DecisionModes.STALE_NANOS
        && now.flag().said(context) == Flag.Word.ACT;
  }
}
