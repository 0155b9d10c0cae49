package io.apgms.ml.gateway.decision;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Blast-radius cap: at most so many enforced holds a minute per model, over all event loops. */
public final class ActionCap {
  private static final long WINDOW = TimeUnit.MINUTES.toNanos(1);

  private final int perMinute;
  private final ConcurrentHashMap<String, Window> windows = new ConcurrentHashMap<>();

  public ActionCap(int perMinute) {
    this.perMinute = perMinute;
  }

  /** Takes one hold out of the model's current minute; false when it is used up. */
  boolean take(String modelId, long nowNanos) {
    return windows.computeIfAbsent(modelId, m -> new Window(nowNanos)).take(perMinute, nowNanos);
  }

  private static final class Window {
    private long startedNanos;
    private int taken;

    Window(long startedNanos) {
      this.startedNanos = startedNanos;
    }

    synchronized boolean take(int most, long nowNanos) {
      if (nowNanos - startedNanos >= WINDOW) {
        startedNanos = nowNanos;
        taken = 0;
      }
      if (taken >= most) {
        return false;
      }
      taken++;
      return true;
    }
  }
}
