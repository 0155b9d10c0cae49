package io.apgms.ml.feedback;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.IsoFields;
import java.time.temporal.TemporalAdjusters;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The decision table's partitions: one an ISO week in UTC, cut by the time in the id. */
final class Partitions {
  private static final Logger LOG = LoggerFactory.getLogger(Partitions.class);
  private static final int WEEKS_AHEAD = 4;

  private static final Pattern NAME = Pattern.compile("decision_([0-9]{4})w([0-9]{2})");

  /** Replicas make partitions one after another. */
  private static final String LOCK =
      "SELECT pg_advisory_xact_lock(hashtext('feedback.partitions'))";

  private Partitions() {}

  /**
   * Makes this week's partition and those of four more where they are missing. A week that has rows
   * in the default partition already stays there.
   *
   * @param connection in autocommit
   */
  static void ensure(Connection connection, Instant now) throws SQLException {
    LocalDate monday =
        now.atZone(ZoneOffset.UTC)
            .toLocalDate()
            .with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY));
    for (int week = 0; week <= WEEKS_AHEAD; week++) {
      ensureWeek(connection, monday.plusWeeks(week));
    }
  }

  private static void ensureWeek(Connection connection, LocalDate monday) throws SQLException {
    String name = name(monday);
    if (exists(connection, name)) {
      return;
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          "BEGIN; SET LOCAL lock_timeout = '2s'; "
              + LOCK
              + "; CREATE TABLE IF NOT EXISTS "
              + name
              + " PARTITION OF feedback.decision FOR VALUES FROM ('"
              + lowest(monday)
              + "') TO ('"
              + lowest(monday.plusWeeks(1))
              + "'); COMMIT");
    } catch (SQLException e) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("ROLLBACK");
      }
      LOG.warn("partition {} was not made, SQLSTATE {}", name, e.getSQLState());
    }
  }

  private static boolean exists(Connection connection, String name) throws SQLException {
    try (var statement = connection.prepareStatement("SELECT to_regclass(?) IS NOT NULL")) {
      statement.setString(1, name);
      try (ResultSet found = statement.executeQuery()) {
        return found.next() && found.getBoolean(1);
      }
    }
  }

  static String name(LocalDate monday) {
    return String.format(
        Locale.ROOT,
        "feedback.decision_%dw%02d",
        monday.get(IsoFields.WEEK_BASED_YEAR),
        monday.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
  }

  /** From the first instant of its week to that of the next. */
  record Span(Instant from, Instant to) {}

  /** The week of a partition by its name without schema; empty where it is no week's. */
  static Optional<Span> span(String name) {
    Matcher parts = NAME.matcher(name);
    if (!parts.matches()) {
      return Optional.empty();
    }
    LocalDate monday =
        LocalDate.EPOCH
            .with(IsoFields.WEEK_BASED_YEAR, Long.parseLong(parts.group(1)))
            .with(IsoFields.WEEK_OF_WEEK_BASED_YEAR, Long.parseLong(parts.group(2)))
            .with(DayOfWeek.MONDAY);
    return Optional.of(new Span(start(monday), start(monday.plusWeeks(1))));
  }

  private static Instant start(LocalDate day) {
    return day.atStartOfDay(ZoneOffset.UTC).toInstant();
  }

  /** Below every UUIDv7 of that day and above those of the day before. */
  private static UUID lowest(LocalDate day) {
    return new UUID(day.atStartOfDay(ZoneOffset.UTC).toInstant().toEpochMilli() << 16, 0);
  }
}
