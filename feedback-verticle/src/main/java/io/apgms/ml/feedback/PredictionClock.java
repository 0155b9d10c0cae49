package io.apgms.ml.feedback;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;

/**
 * The time in the ids of this replica's decisions, tied to how far its spool has shipped.
 *
 * <p>The other replicas are told a mark: no decision older than it waits here, and none will. That
 * rests on two rules. An id that is made after a mark was taken is not older than it, whatever the
 * wall clock does. And an id that was made before is either kept already, so that the spool shows
 * it, or its lane is still open, which holds the mark back. For the second rule the spool must be
 * read after the mark was taken.
 *
 * <p>Why no moment lies between the rules: a lane notes that it is open and then reads the floor;
 * who takes a mark raises the floor and then reads the lanes. All four are volatile, so one of the
 * two sees the other.
 */
public final class PredictionClock {
  /** So far may the wall clock fall back before marks, and with them ids, follow it. */
  private static final long STEP_BACK_MS = 1_000;

  private final LongSupplier wall;
  private final List<Lane> lanes = new CopyOnWriteArrayList<>();
  private volatile long floorMs;

  public PredictionClock() {
    this(System::currentTimeMillis);
  }

  PredictionClock(LongSupplier wall) {
    this.wall = wall;
  }

  /** A lane of its own for each event loop that makes ids. */
  public Lane lane() {
    Lane lane = new Lane();
    lanes.add(lane);
    return lane;
  }

  /**
   * Takes a mark, in milliseconds since 1970; the spool is to be read after this. One thread.
   *
   * <p>It may be lower than one before only where the wall clock was set back, or the decision of
   * an open lane is that old.
   */
  long mark() {
    long now = wall.getAsLong();
    if (now > floorMs) {
      floorMs = now;
    }
    long mark = now < floorMs - STEP_BACK_MS ? now : floorMs;
    for (Lane lane : lanes) {
      mark = Math.min(mark, lane.openMs);
    }
    return mark;
  }

  /**
   * After that mark was published: where the wall clock was set back, ids follow it from now on.
   */
  void published(long markMs) {
    if (wall.getAsLong() < floorMs - STEP_BACK_MS) {
      floorMs = markMs;
    }
  }

  /** The ids of one event loop; confined to it but for what {@link #mark} reads. */
  public final class Lane {
    private static final long CLOSED = Long.MAX_VALUE;

    private volatile long openMs = CLOSED;

    private Lane() {}

    /** Before an id is made: holds marks back until {@link #close}. */
    public void open() {
      if (openMs == CLOSED) {
        openMs = Math.max(wall.getAsLong(), floorMs);
      }
    }

    /** For the next id; the lane must be open. */
    public long nowMs() {
      return Math.max(Math.max(wall.getAsLong(), floorMs), openMs);
    }

    /** Every id that was made is kept, or was given to nobody. */
    public void close() {
      openMs = CLOSED;
    }

    /** The same but for some, the oldest of that time: they are on their way to the database. */
    public void close(long oldestMs) {
      openMs = oldestMs;
    }
  }
}
