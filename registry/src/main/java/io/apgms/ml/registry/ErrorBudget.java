package io.apgms.ml.registry;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * How much of what a model's SLO lets go wrong in 30 days has gone wrong, and how fast it does, as
 * in chapter 5 of Google's Site Reliability Workbook.
 *
 * <p>A window reaches back to the start of the bucket that it begins in, so one of five minutes
 * covers five to ten. One thread puts; any may read.
 */
public final class ErrorBudget {
  /** What a budget is for. */
  public static final Duration PERIOD = Duration.ofDays(30);

  /** What counts are kept by. */
  public static final Duration BUCKET = Duration.ofMinutes(5);

  /** Fewer requests than this in the period say nothing of a model, and spend nothing. */
  public static final long MIN_REQUESTS = 10_000;

  /** The windows of multi-window multi-burn-rate alerts, by the names in their metric. */
  public static final Map<String, Duration> WINDOWS = windows();

  private final NavigableMap<Instant, Used> buckets = new ConcurrentSkipListMap<>();

  /**
   * What counted.
   *
   * @param requests answered or refused by us; not those the client got wrong
   * @param bad of them: errors, rejections, and answers over the bound of latency
   * @param allowed of them that may be bad, by the SLO of what served
   */
  public record Used(long requests, long bad, double allowed) {
    public static final Used NOTHING = new Used(0, 0, 0);

    /** Both together. */
    public Used plus(Used other) {
      return new Used(requests + other.requests, bad + other.bad, allowed + other.allowed);
    }

    /** Share of a period's budget that is left; below 0 where more went wrong than may. */
    public double remaining() {
      return requests < MIN_REQUESTS ? 1 : 1 - burnRate();
    }

    /** How many times faster than the SLO allows it burns; 0 without requests. */
    public double burnRate() {
      return allowed > 0 ? bad / allowed : 0;
    }

    /** Whether nothing is left of a period's budget. */
    public boolean isSpent() {
      return requests >= MIN_REQUESTS && bad >= allowed;
    }
  }

  private static Map<String, Duration> windows() {
    Map<String, Duration> windows = new LinkedHashMap<>();
    windows.put("5m", Duration.ofMinutes(5));
    windows.put("30m", Duration.ofMinutes(30));
    windows.put("1h", Duration.ofHours(1));
    windows.put("2h", Duration.ofHours(2));
    windows.put("6h", Duration.ofHours(6));
    windows.put("1d", Duration.ofDays(1));
    windows.put("3d", Duration.ofDays(3));
    return Collections.unmodifiableMap(windows);
  }

  /** Sets a bucket to what is now known of it. */
  public void put(Instant start, Used used) {
    buckets.put(start, used);
  }

  /** Drops what no window reaches any more. */
  public void forget(Instant now) {
    buckets.headMap(before(PERIOD, now), true).clear();
  }

  /** What counted in a window that ends now. */
  public Used over(Duration window, Instant now) {
    Used sum = Used.NOTHING;
    for (Used used : buckets.tailMap(before(window, now), false).values()) {
      sum = sum.plus(used);
    }
    return sum;
  }

  /** Share of the budget of the last 30 days that is left. */
  public double remaining(Instant now) {
    return over(PERIOD, now).remaining();
  }

  /** How many times faster than the SLO allows it burned in a window that ends now. */
  public double burnRate(Duration window, Instant now) {
    return over(window, now).burnRate();
  }

  /** How many buckets are kept; a period's and two at most, once what is older is forgotten. */
  int size() {
    return buckets.size();
  }

  private static Instant before(Duration window, Instant now) {
    return now.minus(window).minus(BUCKET);
  }
}
