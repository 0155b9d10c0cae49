package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one symptom.
 *
 * @param times how often its bound, at most {@link Triage#MOST_TIMES}; NaN where it is not known
 * @param since first scrape over the bound, of what lasts or of what lasted longest
 * @param until null while it lasts
 * @param by versions or features that alone are over the bound
 */
public record Finding(
    Symptom symptom,
    State state,
    double times,
    @Nullable Instant since,
    @Nullable Instant until,
    String detail,
    List<String> by) {

  /** How it stands. */
  public enum State {
    over,
    ended,
    within,
    unknown
  }

  Finding from(Instant onset) {
    return new Finding(symptom, state, times, onset, until, detail, by);
  }

  boolean over() {
    return state == State.over;
  }

  /** For the comparison: what is beyond the first decimal is no difference. */
  long tenths() {
    return Double.isNaN(times) ? 0 : Math.round(times * 10);
  }

  String timesText() {
    return Double.isNaN(times) ? "-" : String.format(Locale.ROOT, "%.1f", times);
  }
}
