package io.apgms.ml.flags;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Settles the mode of each decision from memory: forced observe, then the pin of this replica, then
 * the flag, then observe. Anything unknown, too old or not understood means observe.
 *
 * <p>Times are of {@link System#nanoTime()}, passed in. Resolving is for any thread and takes no
 * lock. A change toward observe is in force at once; one toward act waits until five seconds have
 * gone by since the last, and until then only what the flag in force and the new one both say is
 * acted upon.
 */
public final class DecisionModes {
  /**
   * Without a reading of the forced modes this recent, nobody acts. So what was asked before a
   * change is worth nothing this long after it.
   */
  public static final long LEASE_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** A flag older than this does not make anybody act. */
  static final long STALE_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** The least time between two changes toward act. */
  static final long HOLD_DOWN_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final @Nullable DecisionMode pin;
  private volatile @Nullable Lease lease;
  private volatile @Nullable Fetched fetched;
  private final FlagUsage usage = new FlagUsage();
  private final CanaryShare canary = new CanaryShare();

  private record Lease(ForcedObserve forced, long readAtNanos) {}

  /**
   * @param flag as last fetched
   * @param inForce the flag before it that bounds it during the hold-down; null after
   * @param actwardNanos when a flag that can act last came in force; null for never
   */
  private record Fetched(
      Flag flag,
      @Nullable Flag inForce,
      ModeSource source,
      long atNanos,
      @Nullable Long actwardNanos) {

    Flag.Word said(FlagContext context) {
      Flag.Word word = flag.said(context);
      return word == Flag.Word.ACT && inForce != null ? inForce.said(context) : word;
    }
  }

  /**
   * @param pin the mode this replica is held at; null for none
   */
  public DecisionModes(@Nullable DecisionMode pin) {
    this.pin = pin;
  }

  /** The forced modes as they were read at that time; a reading is good for two seconds. */
  public void force(ForcedObserve forced, long readAtNanos) {
    lease = new Lease(forced, readAtNanos);
  }

  /**
   * Takes a flag just fetched.
   *
   * @param flag an answer of the provider itself, never what a source had kept
   * @param nowNanos when it was asked for
   */
  public synchronized void fetched(Flag flag, ModeSource source, long nowNanos) {
    Fetched before = fetched;
    if (before == null) {
      fetched = new Fetched(flag, null, source, nowNanos, flag.canAct() ? nowNanos : null);
      return;
    }
    Long actward = before.actwardNanos();
    Flag inForce = before.inForce() == null ? before.flag() : before.inForce();
    if (flag.equals(inForce)) {
      fetched = new Fetched(flag, null, source, nowNanos, actward);
    } else if (flag.canAct() && actward != null && nowNanos - actward < HOLD_DOWN_NANOS) {
      fetched = new Fetched(flag, inForce, source, nowNanos, actward);
    } else {
      fetched = new Fetched(flag, null, source, nowNanos, flag.canAct() ? nowNanos : actward);
    }
  }

  /** Whose decisions a canary makes; fed from the same document as the mode. */
  public CanaryShare canary() {
    return canary;
  }

  /** What the flag said to decisions. */
  FlagUsage usage() {
    return usage;
  }

  /** The mode of a decision made now, which counts as one use of the flag where it was asked. */
  public Mode decide(FlagContext context, long nowNanos) {
    return resolve(context, nowNanos, usage);
  }

  /** The mode that a decision would have now. */
  public Mode resolve(FlagContext context, long nowNanos) {
    return resolve(context, nowNanos, null);
  }

  private Mode resolve(FlagContext context, long nowNanos, @Nullable FlagUsage counted) {
    Fetched flag = fetched;
    Lease read = lease;
    long age = flag == null ? -1 : TimeUnit.NANOSECONDS.toMillis(nowNanos - flag.atNanos());
    if (read != null && read.forced().covers(context.modelId())) {
      return new Mode(DecisionMode.OBSERVE, ModeSource.OVERRIDE, age);
    }
    Mode wanted = pin == null ? wanted(context, flag, nowNanos, counted) : pinned(pin, age);
    boolean leased = read != null && nowNanos - read.readAtNanos() <= LEASE_NANOS;
    return wanted.mode() == DecisionMode.OBSERVE || leased
        ? wanted
        : new Mode(DecisionMode.OBSERVE, ModeSource.UNLOGGED, age);
  }

  private static Mode pinned(DecisionMode pin, long age) {
    return new Mode(pin, ModeSource.ENV, age);
  }

  private static Mode wanted(
      FlagContext context, @Nullable Fetched flag, long nowNanos, @Nullable FlagUsage counted) {
    if (flag == null) {
      return new Mode(DecisionMode.OBSERVE, ModeSource.DEFAULT, -1);
    }
    long ageNanos = nowNanos - flag.atNanos();
    long age = TimeUnit.NANOSECONDS.toMillis(ageNanos);
    Flag.Word word = flag.said(context);
    if (counted != null) {
      counted.count(word);
    }
    if (word != Flag.Word.ACT) {
      return new Mode(DecisionMode.OBSERVE, flag.source(), age);
    }
    return ageNanos > STALE_NANOS
        ? new Mode(DecisionMode.OBSERVE, ModeSource.STALE, age)
        : new Mode(DecisionMode.ACT, flag.source(), age);
  }
}
