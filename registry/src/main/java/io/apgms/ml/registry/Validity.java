package io.apgms.ml.registry;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.regex.Pattern;

/**
 * When something holds: from {@code notBefore}, until before {@code notAfter}; both RFC 3339 in UTC
 * and whole seconds, as {@code 2026-11-24T00:00:00Z}.
 */
public record Validity(String notBefore, String notAfter) {
  private static final Pattern TIME =
      Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z");

  public Validity {
    if (!time("notBefore", notBefore).isBefore(time("notAfter", notAfter))) {
      throw new RegistryException.Invalid(
          "validity from " + notBefore + " to " + notAfter + ", expected an end after its start");
    }
  }

  /** From the start of the day of {@code now} in UTC, for so many days. */
  public static Validity ofDays(Instant now, int days) {
    Instant start = now.truncatedTo(ChronoUnit.DAYS);
    return new Validity(start.toString(), start.plus(days, ChronoUnit.DAYS).toString());
  }

  /** Whether it holds at a time. */
  public boolean holds(Instant now) {
    return !now.isBefore(Instant.parse(notBefore)) && now.isBefore(Instant.parse(notAfter));
  }

  @Override
  public String toString() {
    return "from " + notBefore + " to " + notAfter;
  }

  private static Instant time(String name, String text) {
    if (TIME.matcher(text).matches()) {
      try {
        return Instant.parse(text);
      } catch (DateTimeException e) {
        // no such day or hour: told below
      }
    }
    throw new RegistryException.Invalid(
        "validity: "
            + name
            + " is not a time as 2026-11-24T00:00:00Z: '"
            + Names.printable(text)
            + "'");
  }
}
