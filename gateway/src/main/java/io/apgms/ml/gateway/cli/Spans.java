package io.apgms.ml.gateway.cli;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Times as they are typed. */
final class Spans {
  private static final Pattern SPAN = Pattern.compile("([0-9]{1,6})([smhd])");

  private Spans() {}

  /** As {@code 90s}, {@code 30m}, {@code 6h}, {@code 7d}. */
  static Duration parse(String option, String text, Duration least, Duration most) {
    Matcher match = SPAN.matcher(text);
    if (match.matches()) {
      long count = Long.parseLong(match.group(1));
      Duration span =
          switch (match.group(2)) {
            case "s" -> Duration.ofSeconds(count);
            case "m" -> Duration.ofMinutes(count);
            case "h" -> Duration.ofHours(count);
            default -> Duration.ofDays(count);
          };
      if (span.compareTo(least) >= 0 && span.compareTo(most) <= 0) {
        return span;
      }
    }
    throw new Failure(
        Failure.USAGE,
        option + " '" + text + "', expected as 30m or 6h, from " + least + " to " + most);
  }

  static Instant at(String option, String text) {
    try {
      return OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeException e) {
      throw new Failure(
          Failure.USAGE, option + " '" + text + "', expected as 2026-11-23T08:00:00Z");
    }
  }
}
