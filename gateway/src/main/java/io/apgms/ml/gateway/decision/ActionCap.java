package io.apgms.ml.gateway.decision;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Blast-radius cap: at most so many enforced holds a model in any minute, over all event loops of
 * this replica.
 */
public final class ActionCap {
  private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
  private static final int FIRST_SIZE = 64;

  /** Told of holds that the cap turned into observe; called on event loops. */
  public interface Watch {
    /** One more. */
    void capped(String modelId);

    /** The first in a minute. */
    void reached(String modelId);

    /** Nobody looks. */
    Watch NONE = of(model -> {}, model -> {});

    /** A watch of two functions. */
    static Watch of(Consumer<String> capped, Consumer<String> reached) {
      return new Watch() {
        @Override
        public void capped(String modelId) {
          capped.accept(modelId);
        }

        @Override
        public void reached(String modelId) {
          reached.accept(modelId);
        }
      };
    }
  }

  private final int perMinute;
  private final Watch watch;
  private final ConcurrentHashMap<String, Recent> models = new ConcurrentHashMap<>();

  public ActionCap(int perMinute, Watch watch) {
    this.perMinute = perMinute;
    this.watch = watch;
  }

  /** Takes one hold out of the model's last minute; false when it is used up. */
  boolean take(String modelId, long nowNanos) {
    Recent recent = models.computeIfAbsent(modelId, m -> new Recent());
    if (recent.take(perMinute, nowNanos)) {
      return true;
    }
    watch.capped(modelId);
    if (recent.tell(nowNanos)) {
      watch.reached(modelId);
    }
    return false;
  }

  /** The times of the newest holds, as many as there may be in a minute, in a ring that grows. */
  private static final class Recent {
    private long[] times = new long[FIRST_SIZE];
    private int oldest;
    private int count;
    private boolean told;
    private long toldNanos;

    synchronized boolean take(int most, long now) {
      while (count > 0 && now - times[oldest] >= MINUTE) {
        oldest = (oldest + 1) % times.length;
        count--;
      }
      if (count >= most) {
        return false;
      }
      if (count == times.length) {
        grow(most);
      }
      times[(oldest + count) % times.length] = now;
      count++;
      return true;
    }

    private void grow(int most) {
      long[] larger = new long[(int) Math.min(most, times.length * 2L)];
      int tail = times.length - oldest;
      System.arraycopy(times, oldest, larger, 0, tail);
      System.arraycopy(times, 0, larger, tail, oldest);
      times = larger;
      oldest = 0;
    }

    synchronized boolean tell(long now) {
      if (told && now - toldNanos < MINUTE) {
        return false;
      }
      told = true;
      toldNanos = now;
      return true;
    }
  }
}
