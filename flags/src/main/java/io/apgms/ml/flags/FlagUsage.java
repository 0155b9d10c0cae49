package io.apgms.ml.flags;

import java.util.concurrent.atomic.LongAdder;

/** How many decisions asked the flag, by what it said; it never waits. */
final class FlagUsage {
  private final LongAdder act = new LongAdder();
  private final LongAdder observe = new LongAdder();
  private final LongAdder off = new LongAdder();

  /** Counts since the start. */
  record Counts(long act, long observe, long off) {
    static final Counts NONE = new Counts(0, 0, 0);

    Counts minus(Counts before) {
      return new Counts(act - before.act, observe - before.observe, off - before.off);
    }
  }

  void count(Flag.Word word) {
    switch (word) {
      case ACT -> act.increment();
      case OBSERVE -> observe.increment();
      case OFF -> off.increment();
    }
  }

  Counts total() {
    return new Counts(act.sum(), observe.sum(), off.sum());
  }
}
