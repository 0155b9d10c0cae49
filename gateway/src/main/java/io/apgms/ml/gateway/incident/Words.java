package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/** Numbers and times as a person reads them, the same in every locale. */
final class Words {
  private Words() {}

  static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }

  /** Of a share; {@code -} of none. */
  static String percent(double share) {
    if (Double.isNaN(share)) {
      return "-";
    }
    return text(share > 0 && share < 0.001 ? "%.3f %%" : "%.1f %%", 100 * share);
  }

  static String time(Duration length) {
    long seconds = Math.max(0, Math.round(length.toMillis() / 1e3));
    if (seconds < 120) {
      return seconds + " s";
    }
    long minutes = seconds / 60;
    return minutes < 120
        ? minutes + " min" + (minutes < 10 && seconds % 60 > 0 ? " " + seconds % 60 + " s" : "")
        : minutes / 60 + " h" + (minutes % 60 > 0 ? " " + minutes % 60 + " min" : "");
  }

  /** To the second. */
  static String at(Instant time) {
    return time.truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
