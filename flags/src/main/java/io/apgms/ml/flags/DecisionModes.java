package io.apgms.ml.flags;
import org.jspecify.annotations.Nullable;
/** Stub. */
public final class DecisionModes {
  public DecisionModes(@Nullable DecisionMode pin) {}
  /** x. */
  public Mode resolve(FlagContext ctx, long now) { return new Mode(DecisionMode.OBSERVE, ModeSource.FILE, 10); }
  /** x. */
  public void force(ForcedObserve f, long at) {}
}
